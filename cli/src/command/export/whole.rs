//! The text of an event with its attachments in it, written piece by piece.

use items::ical::{self, Binary, Piece};
use std::io::{self, Write};
use store_sqlite::LocalReplica;

/// Bytes of an attachment read at a time.
const PART: usize = 256 * 1024;

/// Writes `text`, the bytes of attachments in the place of their names. One that isn't kept stays
/// named: an imported file may name what only its author has.
pub fn write(replica: &LocalReplica, text: &str, out: &mut dyn Write) -> io::Result<()> {
    for piece in ical::pieces(text) {
        match piece {
            Piece::Text(lines) => out.write_all(lines.as_bytes())?,
            Piece::File { digest, head, otherwise } => {
                if !replica.has_file(&digest).map_err(|e| unreadable(&e))? {
                    out.write_all(otherwise.as_bytes())?;
                    continue;
                }
                let (mut line, begin) = Binary::begin(&head);
                out.write_all(begin.as_bytes())?;
                let mut from = 0;
                loop {
                    let part =
                        replica.read_file(&digest, from, PART).map_err(|e| unreadable(&e))?;
                    if part.is_empty() {
                        break;
                    }
                    out.write_all(line.add(&part).as_bytes())?;
                    from += part.len() as u64;
                }
                out.write_all(line.end().as_bytes())?;
            }
        }
    }
    Ok(())
}

fn unreadable(failure: &sync_core::port::Failure) -> io::Error {
    io::Error::other(failure.trouble().detail.clone())
}
