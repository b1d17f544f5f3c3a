//! Codec: values become bytes and back. The only home of bincode.
//!
//! Everything that crosses a process border is encoded here, so that the format can be changed in
//! one file. Decoding reads from a slice, under a limit, and must consume every byte; nothing in it
//! panics or allocates more than the limit, whatever the bytes are.

use bincode::config::{Config, Configuration, Limit, LittleEndian, Varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most that one value may take encoded: tasks, arguments and results alike.
pub const MAX_VALUE: usize = 64 << 20;

/// The most that a value which was stored in a file may take.
pub const MAX_STORED: usize = 1 << 30;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_VALUE>> =
    bincode::config::standard().with_limit::<MAX_VALUE>();
const STORED: Configuration<LittleEndian, Varint, Limit<MAX_STORED>> =
    bincode::config::standard().with_limit::<MAX_STORED>();

/// Why a value cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The value cannot be written.
    #[error("cannot encode a {what}: {reason}")]
    Encode {
        /// Type of the value.
        what: &'static str,
        /// What bincode says.
        reason: String,
    },
    /// The bytes are not such a value.
    #[error("not a valid {what}: {reason}")]
    Decode {
        /// Type of the value.
        what: &'static str,
        /// What bincode says.
        reason: String,
    },
    /// The bytes begin with such a value and go on.
    #[error("{trailing} bytes too many after a {what}")]
    Trailing {
        /// Type of the value.
        what: &'static str,
        /// How many bytes were left over.
        trailing: usize,
    },
}

/// Writes a value.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, CONFIG)
        .map_err(|error| CodecError::Encode { what: name::<T>(), reason: error.to_string() })
}

/// Reads a value that fills `bytes` to the last.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    read(bytes, CONFIG)
}

/// The same of what was stored, which may be larger; the bytes are there already, and a list takes
/// memory as its values come, whatever length it claims.
pub fn decode_stored<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    read(bytes, STORED)
}

/// A checksum of bytes that are kept.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

fn read<T: DeserializeOwned>(bytes: &[u8], config: impl Config) -> Result<T, CodecError> {
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((value, consumed)) if consumed == bytes.len() => Ok(value),
        Ok((_, consumed)) => {
            Err(CodecError::Trailing { what: name::<T>(), trailing: bytes.len() - consumed })
        }
        Err(error) => Err(CodecError::Decode { what: name::<T>(), reason: error.to_string() }),
    }
}

fn name<T>() -> &'static str {
    let path = std::any::type_name::<T>();
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        // Golden: a change of format must be a change of the protocol version.
        let value = (1_u8, 300_u32, -2_i16, "é", Some(1.5_f64), vec![7_u64]);
        let bytes = encode(&value).unwrap();
        let expected = [1, 251, 44, 1, 3, 2, 0xC3, 0xA9, 1, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 1, 7];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn left_over_bytes_are_refused() {
        let mut bytes = encode(&5_u32).unwrap();
        bytes.push(0);
        assert!(matches!(decode::<u32>(&bytes), Err(CodecError::Trailing { trailing: 1, .. })));
    }

    #[test]
    fn a_huge_declared_length_is_refused_without_allocating() {
        let bytes = [253, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0];
        assert!(matches!(decode::<Vec<u8>>(&bytes), Err(CodecError::Decode { .. })));
        assert!(matches!(decode::<String>(&bytes), Err(CodecError::Decode { .. })));
        assert!(matches!(decode_stored::<Vec<f64>>(&bytes), Err(CodecError::Decode { .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value: (u64, String, Vec<i32>, Option<f64>)) {
            let bytes = encode(&value).unwrap();
            let (a, b, c, d): (u64, String, Vec<i32>, Option<f64>) = decode(&bytes).unwrap();
            prop_assert_eq!((a, b, c, d.map(f64::to_bits)), (value.0, value.1, value.2, value.3.map(f64::to_bits)));
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes: Vec<u8>) {
            drop(decode::<(u64, String, Vec<Vec<u32>>)>(&bytes));
        }
    }
}
