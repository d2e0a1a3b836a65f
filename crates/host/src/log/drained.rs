//! Waits until the journal has read what was sent to it. It looks up the unit of a record by the process that sent it, so what
//! a process says just before it ends would else be missing from `journalctl -u` on a busy machine.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt;

/// Where the journal takes records.
const JOURNAL: &str = "/run/systemd/journal/socket";
/// The journal may be stopped, and is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// An end of line, which the journal takes for the end of a record with nothing in it.
const NOTHING: &[u8] = b"\n";
/// More of them than the smallest send buffer holds unread: it has 4,608 bytes (socket(7)), and the kernel counts 768 for each.
const OVERFLOW: usize = 16;

/// Waits until the journal has read all that this process has sent to it; not for ever, and not where there is none.
pub(super) fn by_the_journal() {
    let _ = drained(Path::new(JOURNAL), PATIENCE);
}

/// Waits until all that this process has sent to `journal` was read.
///
/// The journal reads in order, and handles one record before it reads the next: once the first of some more was read, all
/// before it were handled.
///
/// # Errors
///
/// There is no journal, or it has read nothing for as long as `patience`.
fn drained(journal: &Path, patience: Duration) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(journal)?;
    socket.set_write_timeout(Some(patience))?;
    sockopt::set_socket_send_buffer_size(&socket, 0)?;
    for _ in 0..OVERFLOW {
        socket.send(NOTHING)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Far longer than any machine takes, so that only a fault ends it.
    const PATIENCE_OF_TEST: Duration = Duration::from_secs(60);

    #[test]
    fn it_waits_until_all_that_was_sent_before_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = UnixDatagram::bind(&path).unwrap();
        let program = UnixDatagram::unbound().unwrap();
        program.send_to(b"MESSAGE=last words\n", &path).unwrap();
        assert!(drained(&path, Duration::from_millis(50)).is_err(), "nobody has read it");
        let reader = thread::spawn(move || {
            let (mut record, mut all) = ([0; 64], Vec::new());
            while all.last().is_none_or(|last: &Vec<u8>| last != b"MESSAGE=end\n") {
                let size = journal.recv(&mut record).unwrap();
                all.push(record[..size].to_vec());
            }
            all.pop();
            all
        });
        drained(&path, PATIENCE_OF_TEST).unwrap();
        program.send_to(b"MESSAGE=end\n", &path).unwrap();
        let read = reader.join().unwrap();
        assert_eq!(read[0], b"MESSAGE=last words\n");
        assert!(read[1..].iter().all(|record| record == NOTHING));
    }

    #[test]
    fn without_a_journal_it_says_so_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(drained(&folder.path().join("none"), PATIENCE).is_err());
    }
}
