//! The shipped configurations on the market they are shipped with: something to watch, soon.

use std::path::Path;

use tradingbot::config::{self, Config, Source, Speed};
use tradingbot::daemon::{Life, Notification, Poll};
use tradingbot::domain::{Entry, OperatorEvent, OperatorRequest, Span, Timestamp};

/// How long after it was told to trade the first order went out, when it was told `later` after its start.
fn first_order(file: &str, seed: u64, later: Span) -> Option<Span> {
    let folder = tempfile::tempdir().unwrap();
    let mut config: Config = config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    config.state = folder.path().to_owned();
    config.market.source = Source::Practice { seed };
    let Life { mut shell, mut feed } = Life::begin(&config, Some(Speed::Max), None).unwrap();
    let resumed = shell.now().plus(later);
    let mut asked = false;
    let mut next = || match feed.poll(Timestamp::ZERO).unwrap() {
        Poll::Event(at, event) => (at, event),
        other => panic!("the practice market always has an event: {other:?}"),
    };
    loop {
        let (at, event) = next();
        if at < shell.engine().began() {
            shell.warm_up(at, event);
            continue;
        }
        if at >= resumed && !asked {
            asked = true;
            let request = OperatorRequest::Resume { reason: "first day".to_owned() };
            shell.operate(resumed, OperatorEvent { by: "ops".to_owned(), request }).unwrap();
        }
        shell.receive(at, event);
        let told = shell.take_notifications();
        let order = told.iter().find_map(|told| match &**told {
            Notification::Entry(at, Entry::Intended { .. }) => Some(*at),
            Notification::Entry(..) | Notification::Notice(..) => None,
        });
        match order {
            Some(at) => return Some(at.since(resumed)),
            None if at.since(resumed) > Span::MINUTE => return None,
            None => {}
        }
    }
}

#[test]
fn a_fresh_install_sends_its_first_order_within_a_minute_of_resume() {
    let mut waits: Vec<Span> = Vec::new();
    for seed in 0..30 {
        for later in [1, 25] {
            let wait = first_order("config/tradingbot.toml", seed, Span::from_secs(later));
            waits.push(wait.unwrap_or_else(|| panic!("seed {seed}, resumed after {later} s: no order")));
        }
    }
    waits.sort_unstable();
    println!("first order after the resume: median {}, longest {}", waits[waits.len() / 2], waits[waits.len() - 1]);
    assert!(waits.iter().all(|wait| *wait < Span::MINUTE), "{waits:?}");
}

#[test]
fn paper_sends_its_first_order_within_a_minute_of_its_start_and_none_from_before_it() {
    for seed in 0..30 {
        let wait = first_order("config/paper.toml", seed, Span::ZERO).unwrap();
        assert!(wait >= Span::ZERO && wait < Span::MINUTE, "seed {seed}: {wait}");
    }
}
