//! gRPC's frames: a flag, a length, a message.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

use super::CallError;

/// Flag and length.
const HEAD: usize = 5;

/// A message in its frame.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(HEAD + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    bytes.put_slice(&message.encode_to_vec());
    bytes.freeze()
}

/// Takes the next whole message from what has been received, if there is one.
pub(super) fn take<M: Message + Default>(received: &mut BytesMut) -> Result<Option<M>, CallError> {
    let Some(mut head) = received.get(..HEAD) else { return Ok(None) };
    let (compressed, length) = (head.get_u8() != 0, head.get_u32() as usize);
    if compressed {
        return Err(CallError::Protocol("a compressed message, which was not offered"));
    }
    if received.len() < HEAD + length {
        return Ok(None);
    }
    received.advance(HEAD);
    Ok(Some(M::decode(received.split_to(length).freeze())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PutRequest;

    #[test]
    fn messages_are_taken_whole_and_in_order() {
        let request =
            |text: &'static str| PutRequest { key: Bytes::from_static(text.as_bytes()), ..Default::default() };
        let both = [frame(&request("one")), frame(&request("two"))].concat();
        let mut received = BytesMut::from(&both[..both.len() - 1]);
        assert_eq!(take::<PutRequest>(&mut received).unwrap(), Some(request("one")));
        assert_eq!(take::<PutRequest>(&mut received).unwrap(), None, "its last byte is missing");
        received.put_u8(both[both.len() - 1]);
        assert_eq!(take::<PutRequest>(&mut received).unwrap(), Some(request("two")));
        assert!(take::<PutRequest>(&mut BytesMut::from(&[1, 0, 0, 0, 0][..])).is_err());
    }
}
