//! Where tests find their data: shared files where they lie, golden files in the project.

use std::io::Write;
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
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let data = if path.is_empty() { "the shared data" } else { path };
        // Not with a macro, whose output the test runner would keep to itself. The line begins anew, whatever stands there.
        let _ = writeln!(std::io::stdout().lock(), "\nskipped: {test}: needs {data}");
    }
    found
}

/// A folder of golden files.
pub fn golden(area: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(area)
}
