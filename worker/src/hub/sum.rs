//! SHA-256 of files, in hexadecimal.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// Of one file.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn of_file(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    copy(&mut File::open(path)?, |block| {
        digest.update(block);
        Ok(())
    })?;
    Ok(hex(digest))
}

/// Gives `take` everything there is to read, block by block, and returns how
/// many bytes that was.
///
/// # Errors
/// The first of the source or of `take`.
pub(super) fn copy(
    source: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        match source.read(&mut block)? {
            0 => return Ok(bytes),
            count => {
                take(&block[..count])?;
                bytes += count as u64;
            }
        }
    }
}

/// The digest's text.
pub(super) fn hex(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether this is one, in lower case.
pub(super) fn is_one(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == DIGITS && text.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_sum_is_the_one_that_sha256sum_prints() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, "abc").unwrap();
        let sum = of_file(&file).unwrap();
        // FIPS 180-4, example "abc".
        assert_eq!(
            sum,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(is_one(&sum) && !is_one(&sum.to_uppercase()) && !is_one("ab"));
    }
}
