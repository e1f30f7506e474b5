//! How API errors travel over gRPC: the code as gRPC's nearest, the whole Kubernetes Status as JSON in the details.

use bytes::Bytes;
use tonic::{Code, Status};

/// gRPC carries details in a header; what is longer is cut off there by peers, so we leave it out ourselves.
const MAX_DETAILS: usize = 6 * 1024;

/// A gRPC status for an HTTP status, with the Status's JSON as its details.
pub fn to_tonic(http_status: u16, status_json: Bytes, message: impl Into<String>) -> Status {
    let details = if status_json.len() <= MAX_DETAILS { status_json } else { Bytes::new() };
    Status::with_details(code(http_status), message, details)
}

/// The Status's JSON, when the other side sent one.
pub fn details_json(status: &Status) -> Option<&[u8]> {
    let details = status.details();
    (details.first() == Some(&b'{')).then_some(details)
}

/// gRPC's nearest word for an HTTP status.
pub fn code(http_status: u16) -> Code {
    match http_status {
        400 | 413 | 415 | 422 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 | 501 => Code::Unimplemented,
        409 => Code::Aborted,
        410 => Code::OutOfRange,
        429 | 507 => Code::ResourceExhausted,
        503 => Code::Unavailable,
        504 => Code::DeadlineExceeded,
        500..=599 => Code::Internal,
        _ => Code::Unknown,
    }
}

/// The HTTP status that is nearest to gRPC's word: what audit and metrics call it.
pub fn http_code(code: Code) -> u16 {
    match code {
        Code::Ok => 200,
        Code::InvalidArgument | Code::FailedPrecondition => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::Aborted | Code::AlreadyExists => 409,
        Code::OutOfRange => 410,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_json_travels_in_the_details() {
        let status = to_tonic(404, Bytes::from_static(b"{\"code\":404}"), "pods \"a\" not found");
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(details_json(&status), Some(&b"{\"code\":404}"[..]));
        assert_eq!(details_json(&Status::not_found("x")), None);
    }

    #[test]
    fn details_too_long_for_a_header_are_left_out() {
        let status = to_tonic(422, Bytes::from(vec![b'{'; MAX_DETAILS + 1]), "long");
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "long"));
        assert_eq!(details_json(&status), None);
    }
}
