//! Sizes on the command line: `500MB`, `10GB`, `0.5GiB`.

/// A size: a number and its unit. As with `lcm-logger`, KB, MB and so on count by 1000; K, Ki and KiB and so on by 1024. Capital letters
/// mean no more than small ones.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let number_length = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_length);
    let number: f64 = number.parse().map_err(|_| EXPECTED.to_owned())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix('b') {
        Some("") => ("", 1.0),
        Some(prefix) => prefix.strip_suffix('i').map_or((prefix, 1000.0), |prefix| (prefix, 1024.0)),
        None => (unit.strip_suffix('i').unwrap_or(&unit), 1024.0_f64),
    };
    let power = match prefix {
        "" if unit == "b" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(EXPECTED.to_owned()),
    };
    let bytes = (number * base.powi(power)).round();
    if bytes <= MOST {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive and in range")]
        Ok(bytes as u64)
    } else {
        Err("at most 1000000 TB".to_owned())
    }
}

const EXPECTED: &str = "expected a number and a unit, B, KB, MB, GB, TB or KiB, MiB, GiB, TiB, such as 500MB";

/// An exabyte, which a float tells to the kilobyte.
const MOST: f64 = 1e18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_units_of_lcm_logger() {
        let read = |text| bytes(text).ok();
        assert_eq!(
            ["500MB", "1k", "1Ki", "1kib", "1KB", "0.5 GiB", "10gb", "7B", "0B"].map(read),
            [500_000_000, 1024, 1024, 1024, 1000, 1 << 29, 10_000_000_000, 7, 0].map(Some)
        );
        assert_eq!(["", "5", "MB", "-1MB", "1.2.3MB", "5x", "5i", "5ib", "1e3MB", "9999999TB"].map(read), [None; 10]);
    }
}
