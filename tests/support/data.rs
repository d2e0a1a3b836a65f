//! Where tests find their data: shared files where they lie, golden files in the project.

use std::path::{Path, PathBuf};

/// A file or folder of the shared test data, used where it lies. `None`, said aloud, when the data is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = match std::env::var_os("TRADINGBOT_SHARED") {
        Some(place) => vec![PathBuf::from(place)],
        None => vec![here.join("../shared"), here.join("../../shared")],
    };
    let found = places.iter().map(|place| place.join(path)).find(|place| place.exists());
    if found.is_none() {
        println!("skipped: shared data not found");
    }
    found
}

/// A folder of golden files.
pub fn golden(area: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(area)
}
