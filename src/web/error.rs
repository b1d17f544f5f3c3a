//! `ApiError`: why a request is not answered with what it asked for, one status each.
//!
//! All have one shape, `{"success": false, "error": "…"}`. A mistake of the caller's names the
//! field or header and what it may be; one of ours says no more than that it is ours.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// When it is worth trying again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request is not answered with what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// A field of the request is missing or out of its bounds.
    #[error("{field} must be {bounds}, not {given}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What it may be.
        bounds: String,
        /// What it was.
        given: String,
    },
    /// A setting of an analysis is not one that there can be.
    #[error("{field} {problem}")]
    Setting {
        /// Its name.
        field: &'static str,
        /// What is wrong, with what it may be.
        problem: String,
    },
    /// The request as a whole cannot be read.
    #[error("{problem}; it must be {bounds}")]
    Body {
        /// What is wrong.
        problem: String,
        /// What it may be.
        bounds: String,
    },
    /// There is no `Host` header that could be looked at.
    #[error("the Host header is missing or unreadable")]
    NoHost,
    /// A page of another site asks.
    #[error("requests from pages of {origin} are refused")]
    ForeignOrigin {
        /// Whose.
        origin: String,
    },
    /// A name that is not known to be ours, so perhaps an attacker's that was made to point here.
    #[error("{host} is not known here; `--allow-host` of `audiopool serve` adds a name")]
    ForeignHost {
        /// The name.
        host: String,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// There is, but it cannot be asked in this way.
    #[error("{path} does not answer to {method}")]
    MethodNotAllowed {
        /// What was tried.
        method: String,
        /// Where.
        path: String,
    },
    /// A path outside of what the server may read, or one that is not there.
    #[error("`{path}` is not in a folder that the server was started with (`--allow-path`)")]
    NotAllowed {
        /// The path as it was given.
        path: String,
    },
    /// What was asked for is still being made.
    #[error("the job has not ended yet")]
    NotYet,
    /// The files are too large, or too many.
    #[error("{what}; at most {most} are taken at a time")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: String,
    },
    /// Too many others wait already.
    #[error("{waiting} jobs wait already; try again later")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// There is no room for the files.
    #[error("there is no room for more files here; try again later")]
    Full,
    /// The server is about to end.
    #[error("the server is ending")]
    Closing,
    /// The rest of the request did not come in time.
    #[error("the rest of the request did not arrive in time")]
    TooSlow,
    /// The content type is not the one that is read here.
    #[error("the content type must be {wanted}")]
    MediaType {
        /// The one that is.
        wanted: &'static str,
    },
    /// A bug of ours.
    #[error("something went wrong here; the log of the server has more")]
    Internal,
}

impl ApiError {
    /// The status that stands for it.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Field { .. } | Self::Setting { .. } | Self::Body { .. } | Self::NoHost => {
                StatusCode::BAD_REQUEST
            }
            Self::NotYet => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Closing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::ForeignOrigin { .. } | Self::NotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ForeignHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error of that type among an error and its causes, which libraries wrap in their own.
pub(super) fn caused_by<E: std::error::Error + 'static>(
    error: &(dyn std::error::Error + 'static),
) -> bool {
    let mut cause = Some(error);
    while let Some(now) = cause {
        if now.is::<E>() {
            return true;
        }
        cause = now.source();
    }
    false
}

/// What every refusal looks like.
#[derive(Serialize)]
struct Refusal {
    success: bool,
    error: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let refusal = Refusal { success: false, error: self.to_string() };
        let mut response = (self.status(), Json(refusal)).into_response();
        if matches!(self, Self::Busy { .. } | Self::Closing) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}
