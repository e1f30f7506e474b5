//! SPDY/3.1, as far as Kubernetes clients speak it: streams that the client opens, without flow control.
//!
//! kubectl up to 1.29 runs commands over it and up to 1.30 forwards ports; from 1.31 on it forwards ports with the same frames
//! inside a WebSocket. Facts are from the protocol's draft (draft-mbelshe-httpbis-spdy-00, and 3.1 of it).
//!
//! ```text
//! connection ─► frame (pure) ─► session ─► Stream { headers, input, output } ─► exec, port-forward
//!                               headers (zlib with the draft's dictionary)
//! ```

mod dictionary;
mod frame;
mod headers;
mod session;

pub(super) use session::{Output, Piece, Stream, run};
