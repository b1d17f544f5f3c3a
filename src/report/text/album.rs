//! Albums in text: a block for each, behind those of the files.
//!
//! ```text
//! Album music/a, 11 files
//!   Integrated  -14.20 LUFS
//!   Album gain   -3.80 dB
//!   not counted: music/a/broken.flac
//! ```

use super::{push_figures, push_line};
use crate::record::Album;
use crate::report::{Paint, escaped};

/// So many files that are not counted are named.
const NAMED: usize = 5;

pub(super) fn block(album: &Album, paint: Paint) -> String {
    let plural = if album.counted == 1 { "" } else { "s" };
    let place = album.directory.as_ref().map_or_else(String::new, |directory| {
        format!(" {}", escaped(&directory.to_string_lossy()))
    });
    let title = format!("Album{place}, {} file{plural}", album.counted);
    let mut block = paint.bold(title) + "\n";
    let metrics: Vec<_> = album.metrics.iter().map(|(metric, _)| *metric).collect();
    let figures: Vec<_> =
        album.metrics.iter().map(|(metric, figure)| (metric.key, *figure)).collect();
    push_figures(&mut block, &metrics, &figures, paint);
    if !album.not_counted.is_empty() {
        let named = album.not_counted.iter().take(NAMED).map(|path| path.to_string_lossy());
        let named = named.map(|path| escaped(&path).into_owned()).collect::<Vec<_>>().join(", ");
        let more = album.not_counted.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        push_line(&mut block, &format!("{} {named}{more}", paint.yellow("not counted:")));
    }
    if !album.complete {
        push_line(&mut block, &paint.yellow("the run was stopped before the last file"));
    }
    block.push('\n');
    block
}
