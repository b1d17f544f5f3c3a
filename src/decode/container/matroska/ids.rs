//! The ids of the elements of Matroska. RFC 9559 §5.

pub(super) const EBML: u32 = 0x1a45_dfa3;
pub(super) const DOC_TYPE: u32 = 0x4282;
pub(super) const VOID: u32 = 0xec;
pub(super) const CRC_32: u32 = 0xbf;

pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
pub(super) const INFO: u32 = 0x1549_a966;
pub(super) const TRACKS: u32 = 0x1654_ae6b;
pub(super) const CLUSTER: u32 = 0x1f43_b675;
pub(super) const CUES: u32 = 0x1c53_bb6b;
pub(super) const ATTACHMENTS: u32 = 0x1941_a469;
pub(super) const CHAPTERS: u32 = 0x1043_a770;
pub(super) const TAGS: u32 = 0x1254_c367;

pub(super) const TIMESTAMP: u32 = 0xe7;
pub(super) const SILENT_TRACKS: u32 = 0x5854;
pub(super) const POSITION: u32 = 0xa7;
pub(super) const PREVIOUS_SIZE: u32 = 0xab;
pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
pub(super) const BLOCK_GROUP: u32 = 0xa0;
pub(super) const ENCRYPTED_BLOCK: u32 = 0xaf;
pub(super) const BLOCK: u32 = 0xa1;
pub(super) const DISCARD_PADDING: u32 = 0x75a2;

pub(super) const TRACK_ENTRY: u32 = 0xae;
pub(super) const TRACK_NUMBER: u32 = 0xd7;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const FLAG_ENABLED: u32 = 0xb9;
pub(super) const FLAG_DEFAULT: u32 = 0x88;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const CODEC_PRIVATE: u32 = 0x63a2;
pub(super) const CODEC_DELAY: u32 = 0x56aa;
pub(super) const AUDIO: u32 = 0xe1;
pub(super) const SAMPLING_FREQUENCY: u32 = 0xb5;
pub(super) const OUTPUT_SAMPLING_FREQUENCY: u32 = 0x78b5;
pub(super) const CHANNELS: u32 = 0x9f;
pub(super) const BIT_DEPTH: u32 = 0x6264;
pub(super) const CONTENT_ENCODINGS: u32 = 0x6d80;
pub(super) const CONTENT_ENCODING: u32 = 0x6240;
pub(super) const ENCODING_ORDER: u32 = 0x5031;
pub(super) const ENCODING_SCOPE: u32 = 0x5032;
pub(super) const ENCODING_TYPE: u32 = 0x5033;
pub(super) const COMPRESSION: u32 = 0x5034;
pub(super) const COMPRESSION_ALGORITHM: u32 = 0x4254;
pub(super) const COMPRESSION_SETTINGS: u32 = 0x4255;

/// Whether an element of this id is a child of a segment.
pub(super) const fn is_of_segment(id: u32) -> bool {
    matches!(id, SEEK_HEAD | INFO | TRACKS | CLUSTER | CUES | ATTACHMENTS | CHAPTERS | TAGS)
}

/// Whether an element of this id is a child of a cluster.
pub(super) const fn is_of_cluster(id: u32) -> bool {
    matches!(
        id,
        TIMESTAMP
            | SILENT_TRACKS
            | POSITION
            | PREVIOUS_SIZE
            | SIMPLE_BLOCK
            | BLOCK_GROUP
            | ENCRYPTED_BLOCK
    )
}

/// Whether an element of this id may be anywhere.
pub(super) const fn is_global(id: u32) -> bool {
    matches!(id, VOID | CRC_32)
}
