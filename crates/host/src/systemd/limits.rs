//! What the service manager lets a process use up, as the kernel shows it.

use std::fs;
use std::path::Path;

/// How many files the process with the folder `process` in `/proc` may have open at once; `None` where that is not shown.
#[must_use]
pub fn open_files_max(process: &Path) -> Option<u64> {
    let limits = fs::read_to_string(process.join("limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        soft => soft.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_counts() {
        let process = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            fs::write(process.path().join("limits"), text).unwrap();
            open_files_max(process.path())
        };
        assert_eq!(
            of("Limit  Soft  Hard\nMax open files            1024                 4096                 files\n"),
            Some(1_024)
        );
        assert_eq!(of("Max open files            unlimited            unlimited            files\n"), Some(u64::MAX));
        assert_eq!(of("Max processes             1                    1                    processes\n"), None);
        assert_eq!(open_files_max(Path::new("/proc/none")), None);
    }
}
