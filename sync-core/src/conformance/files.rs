//! What every [`Files`] must do, as tests: one function a case, each on an empty shelf.

use crate::ids::Digest;
use crate::port::Files;

/// Makes one test of each case, as [`store_conformance!`](crate::store_conformance) does.
#[macro_export]
macro_rules! files_conformance {
    ($make:expr) => {
        $crate::files_conformance!($make;
            an_empty_shelf_knows_nothing,
            files_come_back_in_pieces_of_any_size,
            what_is_not_finished_is_not_kept,
            what_is_kept_stays_as_it_is,
            origins_are_known_as_long_as_their_files,
            files_come_in_beside_each_other,
        );
    };
    ($make:expr; $($case:ident),* $(,)?) => {$(
        #[test]
        fn $case() {
            let made = ($make)();
            $crate::conformance::files::$case(&*made);
        }
    )*};
}

/// A shelf without a file answers every question with nothing.
pub fn an_empty_shelf_knows_nothing(files: &dyn Files) {
    assert_eq!(files.size(&digest(1)).expect("readable"), None);
    assert_eq!(files.read(&digest(1), 0, 9).expect("readable"), b"");
    assert_eq!(files.known(&digest(1)).expect("readable"), None);
}

/// Bytes come back from any place on, however they came in; fewer at the end, none behind it.
pub fn files_come_back_in_pieces_of_any_size(files: &dyn Files) {
    for (number, size) in [0, 1, 1000, 262_144, 262_145, 700_001].into_iter().enumerate() {
        let (bytes, digest) = (bytes(size), digest(number as u64));
        for piece in [999, 262_144, 1_000_000] {
            keep(files, &digest, bytes.chunks(piece));
        }
        assert_eq!(files.size(&digest).expect("readable"), Some(size as u64));
        for most in [1, 70_000, 262_144, 600_000, 2_000_000] {
            for from in [0, 1, 262_143, 262_144, 300_000, size.saturating_sub(1), size, size + 1] {
                let expected = &bytes[from.min(size)..(from + most).min(size).max(from.min(size))];
                let found = files.read(&digest, from as u64, most).expect("readable");
                assert!(found == expected, "{most} bytes from {from} of {size}");
            }
        }
        assert_eq!(files.read(&digest, u64::MAX, 9).expect("readable"), b"");
        assert_eq!(files.read(&digest, 0, 0).expect("readable"), b"");
    }
}

/// Nothing is kept of a file that was begun and given up.
pub fn what_is_not_finished_is_not_kept(files: &dyn Files) {
    let mut given_up = files.begin().expect("there is room");
    given_up.write(&bytes(300_000)).expect("there is room");
    drop(given_up);
    assert_eq!(files.size(&digest(1)).expect("readable"), None);
    keep(files, &digest(1), bytes(5).chunks(9));
    assert_eq!(files.read(&digest(1), 0, 9).expect("readable"), bytes(5));
}

/// A digest names one content: the first stays.
pub fn what_is_kept_stays_as_it_is(files: &dyn Files) {
    keep(files, &digest(1), [&b"first"[..]].into_iter());
    keep(files, &digest(1), [&b"second, and longer"[..]].into_iter());
    assert_eq!(files.size(&digest(1)).expect("readable"), Some(5));
    assert_eq!(files.read(&digest(1), 0, 99).expect("readable"), b"first");
}

/// An origin is known once its file is kept, and is the last one that was remembered.
pub fn origins_are_known_as_long_as_their_files(files: &dyn Files) {
    files.remember(&digest(7), &digest(1)).expect("there is room");
    assert_eq!(files.known(&digest(7)).expect("readable"), None);
    keep(files, &digest(1), bytes(3).chunks(9));
    assert_eq!(files.known(&digest(7)).expect("readable"), Some((digest(1), 3)));
    assert_eq!(files.known(&digest(1)).expect("readable"), None);
    keep(files, &digest(2), bytes(4).chunks(9));
    files.remember(&digest(7), &digest(2)).expect("there is room");
    assert_eq!(files.known(&digest(7)).expect("readable"), Some((digest(2), 4)));
}

/// Files on their way in don't wait for each other.
pub fn files_come_in_beside_each_other(files: &dyn Files) {
    let mut first = files.begin().expect("there is room");
    let mut second = files.begin().expect("there is room");
    for piece in bytes(300_000).chunks(50_000) {
        first.write(piece).expect("there is room");
        second.write(&piece[..9]).expect("there is room");
    }
    second.finish(&digest(2)).expect("there is room");
    first.finish(&digest(1)).expect("there is room");
    assert_eq!(files.size(&digest(1)).expect("readable"), Some(300_000));
    assert_eq!(files.size(&digest(2)).expect("readable"), Some(54));
}

fn keep<'a>(files: &dyn Files, digest: &Digest, pieces: impl Iterator<Item = &'a [u8]>) {
    let mut file = files.begin().expect("there is room");
    pieces.for_each(|piece| file.write(piece).expect("there is room"));
    file.finish(digest).expect("there is room");
}

fn digest(number: u64) -> Digest {
    Digest::from_number(number)
}

/// Bytes that differ from part to part.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8).collect()
}
