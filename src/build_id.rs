//! Build id: identifies the sources and dependencies from which this program computes its figures.

/// Identifies what this program was built from: its decoders, its dependencies, the analyzers of the
/// worker package and the pool. Figures of programs with the same id are the same.
pub const BUILD_ID: &str = {
    const TEXT: [u8; 8] = hexadecimal(mixed([
        env!("AUDIOPOOL_BUILD_ID"),
        audiopool_worker::BUILD_ID,
        procpool::BUILD_ID,
    ]));
    match std::str::from_utf8(&TEXT) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// FNV-1a over all of them.
const fn mixed(ids: [&str; 3]) -> u32 {
    let mut hash: u32 = 0x811C_9DC5;
    let mut index = 0;
    while index < ids.len() {
        let bytes = ids[index].as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
            at += 1;
        }
        index += 1;
    }
    hash
}

const fn hexadecimal(number: u32) -> [u8; 8] {
    let mut text = [0; 8];
    let mut at = 0;
    while at < text.len() {
        text[at] = b"0123456789abcdef"[(number >> (28 - 4 * at)) as usize & 0xF];
        at += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_changes_the_id() {
        let [a, b, c] = ["00000001", "00000002", "00000003"];
        assert_ne!(mixed([a, b, c]), mixed([a, b, b]));
        assert_ne!(mixed([a, b, c]), mixed([b, b, c]));
        assert_eq!(&hexadecimal(0x0012_ABCD), b"0012abcd");
        assert_eq!(BUILD_ID.len(), 8);
    }
}
