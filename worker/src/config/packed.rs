//! What `make dist` packs beside the program.

use std::path::{Path, PathBuf};

/// A library of the archive that this program was unpacked from, wherever that
/// is; none where the program stands alone.
pub(super) fn library(name: &str) -> Option<PathBuf> {
    // A link to the program, as from a folder of the path, is followed.
    let program = std::env::current_exe().ok()?.canonicalize().ok()?;
    beside(&program, name)
}

/// The archive has `bin/fastembed-worker` and `lib/<name>`.
fn beside(program: &Path, name: &str) -> Option<PathBuf> {
    let library = program.parent()?.parent()?.join("lib").join(name);
    library.is_file().then_some(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_in_lib_beside_bin_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/program");
        let library = folder.path().join("lib/library.so");
        assert_eq!(beside(&program, "library.so"), None);
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        std::fs::write(&library, "").unwrap();
        assert_eq!(beside(&program, "library.so"), Some(library));
        assert_eq!(beside(&program, "other.so"), None);
    }
}
