//! Random bytes of the system.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes` with random ones, and waits for them where the system has just started.
///
/// # Errors
///
/// The system gives none.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let mut drawn = 0;
    while let Some(rest) = bytes.get_mut(drawn..).filter(|rest| !rest.is_empty()) {
        drawn += getrandom(rest, GetRandomFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_drawn() {
        // More than the system gives at once.
        let mut bytes = vec![0_u8; 1 << 20];
        fill(&mut bytes).unwrap();
        assert!(bytes.chunks(64).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
        fill(&mut []).unwrap();
    }
}
