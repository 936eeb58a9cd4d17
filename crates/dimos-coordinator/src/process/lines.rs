//! Bytes of a stream become lines.

/// The line that a stream is in the middle of.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    /// How many bytes of this line are left out already.
    left_out: usize,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// How many bytes were left out behind them, because the line is too long.
    pub(super) left_out: usize,
}

impl Lines {
    /// Takes in the next bytes and gives the lines that they complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(Line)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.append(&bytes[..end]);
            bytes = &bytes[end + 1..];
            line(self.take());
        }
        self.append(bytes);
    }

    /// The stream has ended: what is left is a line, too.
    pub(super) fn end(&mut self) -> Option<Line> {
        (!self.partial.is_empty()).then(|| self.take())
    }

    fn append(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(MAX_LINE_BYTES - self.partial.len());
        self.partial.extend_from_slice(&bytes[..taken]);
        self.left_out += bytes.len() - taken;
    }

    fn take(&mut self) -> Line {
        let mut bytes = std::mem::take(&mut self.partial);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Line { bytes, left_out: std::mem::take(&mut self.left_out) }
    }
}

/// What is longer is cut.
const MAX_LINE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Line> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        chunks.iter().for_each(|chunk| lines.push(chunk, |line| found.push(line)));
        found.extend(lines.end());
        found
    }

    fn line(bytes: &[u8], left_out: usize) -> Line {
        Line { bytes: bytes.to_vec(), left_out }
    }

    #[test]
    fn lines_are_whole_however_their_bytes_come() {
        let expected = [line(b"one", 0), line(b"", 0), line(b"three", 0), line(b"four", 0)];
        let text = b"one\n\nthree\r\nfour";
        assert_eq!(lines(&[text]), expected);
        for cut in 0..text.len() {
            assert_eq!(lines(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let chunk = [b'x'; 1000];
        let chunks: Vec<&[u8]> = (0..1000).map(|_| &chunk[..]).chain([&b"\nnext\n"[..]]).collect();
        let found = lines(&chunks);
        assert_eq!(found[0].bytes.len(), MAX_LINE_BYTES);
        assert_eq!(found[0].left_out, 1_000_000 - MAX_LINE_BYTES);
        assert_eq!(found[1..], [line(b"next", 0)]);
    }
}
