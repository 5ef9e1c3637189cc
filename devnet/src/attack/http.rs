//! As much of HTTP as an attacker needs: a status, and where an answer ends.

use tokio::io::{AsyncRead, AsyncReadExt};

const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Reads one answer that says how long it is. Its status; `None` if the connection ended first.
pub async fn answer(reader: &mut (impl AsyncRead + Unpin)) -> Option<u16> {
    let mut bytes = Vec::new();
    loop {
        if let Some((status, length)) = parse(&bytes)
            && bytes.len() >= length
        {
            return Some(status);
        }
        let mut buffer = [0; 4096];
        match reader.read(&mut buffer).await {
            Ok(count) if count > 0 && bytes.len() < ANSWER_BYTES_MAX => bytes.extend_from_slice(&buffer[..count]),
            _ => return status(&bytes),
        }
    }
}

/// Status, and length of head and body, once the head is there.
fn parse(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(Some(0), |length| length.trim().parse().ok())?;
    Some((status(bytes)?, end + length))
}

fn status(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_end_where_they_say() {
        let two = b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 429 Wait\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(parse(two), Some((422, 40)));
        assert_eq!(answer(&mut &two[..]).await, Some(422));
        assert_eq!(answer(&mut &two[40..]).await, Some(429));
        assert_eq!(answer(&mut &two[..30]).await, Some(422), "and then it was cut off");
        assert_eq!(answer(&mut &b""[..]).await, None);
    }
}
