//! What has to be known of a JPEG file before it is decoded. Its decoder makes up
//! what is missing of a file that was cut off, and holds every coefficient of a
//! progressive one.
//!
//! Markers are those of ITU-T T.81, table B.1.

const STUFFED: u8 = 0x00;
const TEMPORARY: u8 = 0x01;
const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const FILL: u8 = 0xff;

/// The frame headers of progressive files.
const PROGRESSIVE: [u8; 4] = [0xc2, 0xc6, 0xca, 0xce];

/// Where the number of components stands in a frame header: after length,
/// precision, height and width.
const COMPONENTS: usize = 7;

/// What the markers of a file tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Whether the end is there. No byte of the picture itself reads as it.
    pub(super) whole: bool,
    /// Components that are held as coefficients until the last scan: none unless
    /// it is progressive.
    pub(super) held_components: u64,
}

/// Reads the markers, and nothing else.
pub(super) fn outline(bytes: &[u8]) -> Outline {
    let mut outline = Outline::default();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == FILL) {
        rest = &rest[at + 1..];
        match rest.first() {
            None => break,
            // Between bytes of the picture, or before a marker.
            Some(&(STUFFED | TEMPORARY | START | FILL)) => {}
            Some(marker) if RESTARTS.contains(marker) => {}
            Some(&END) => {
                outline.whole = true;
                break;
            }
            Some(&marker) => {
                let segment = &rest[1..];
                if PROGRESSIVE.contains(&marker) {
                    let components = segment.get(COMPONENTS).copied();
                    let components = components.map_or(0, u64::from);
                    outline.held_components = outline.held_components.max(components);
                }
                let Some((length, _)) = segment.split_first_chunk() else {
                    break;
                };
                let length = usize::from(u16::from_be_bytes(*length));
                rest = segment.get(length..).unwrap_or_default();
            }
        }
    }
    outline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_thumbnail_in_a_segment_is_not_the_files_end() {
        let thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let scan = [0xff, 0xda, 0, 3, 0, 1, 2, 0xff, 0, 0xff, 0xd0, 3];
        let mut file = [&[0xff, START][..], &thumbnail, &scan].concat();
        assert!(!outline(&file).whole);
        file.extend([0xff, 0xff, END]);
        assert!(outline(&file).whole);
        file.extend(b"what a camera adds");
        assert!(outline(&file).whole);
    }

    #[test]
    fn a_progressive_file_tells_its_components() {
        let frame = |marker| [0xff, START, 0xff, marker, 0, 17, 8, 0, 9, 0, 9, 3, 1];
        assert_eq!(outline(&frame(0xc2)).held_components, 3);
        assert_eq!(outline(&frame(0xc0)).held_components, 0);
    }

    #[test]
    fn no_bytes_are_read_beyond_the_last() {
        let file = [
            0xff, START, 0xff, 0xc2, 0, 17, 8, 0, 9, 0, 9, 3, 1, 0xff, 0xda,
        ];
        for cut in 0..file.len() {
            assert!(!outline(&file[..cut]).whole);
        }
    }
}
