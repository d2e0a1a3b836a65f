//! Clocks: the processor's time for what computes, the wall's for what waits.

use std::fs;
use std::time::Instant;

/// Seconds that `work` takes in the fastest of `rounds`, by the processor time of this thread.
pub fn best(rounds: u32, mut work: impl FnMut()) -> f64 {
    (0..rounds)
        .map(|_| {
            let start = processor_seconds();
            work();
            processor_seconds() - start
        })
        .fold(f64::INFINITY, f64::min)
}

/// Seconds that `work` takes, by the clock.
pub fn elapsed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The one in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value under which that share lies.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}

/// Seconds of processor time that all threads of a process have had together.
pub fn process_seconds(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.map(|thread| seconds(&format!("{}/schedstat", thread.unwrap().path().display()))).sum()
}

/// Seconds of processor time that this thread has had. The kernel counts them up when the thread gives way.
fn processor_seconds() -> f64 {
    std::thread::yield_now();
    seconds("/proc/thread-self/schedstat")
}

fn seconds(path: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
