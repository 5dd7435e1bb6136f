//! HTTP/2 frame by frame (RFC 9113), for clients that no library can imitate.

use std::io::ErrorKind;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::wait::DEADLINE;

pub const HEADERS: u8 = 0x1;
pub const RST_STREAM: u8 = 0x3;
pub const SETTINGS: u8 = 0x4;
pub const PING: u8 = 0x6;
pub const GOAWAY: u8 = 0x7;
pub const WINDOW_UPDATE: u8 = 0x8;
pub const CONTINUATION: u8 = 0x9;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;

/// Error codes of RFC 9113, section 7, that a server sends.
pub const CANCEL: u32 = 0x8;
pub const ENHANCE_YOUR_CALM: u32 = 0xb;

/// The connection preface of a client.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame of a stream; stream 0 is the connection.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self { kind, flags, stream, payload: payload.to_vec() }
    }

    /// A complete request without a body.
    pub fn request(stream: u32, fields: &[u8]) -> Self {
        Self::new(HEADERS, END_STREAM | END_HEADERS, stream, fields)
    }

    /// Resets a stream with CANCEL.
    pub fn cancel(stream: u32) -> Self {
        Self::new(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
    }

    /// The serialised frame.
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let head = [length[1], length[2], length[3], self.kind, self.flags];
        [&head[..], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    /// The error code of a `GOAWAY` or `RST_STREAM`.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A header field in HPACK (RFC 7541, section 6.2.2): a literal with a literal name, not indexed.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &string(name), &string(value)].concat()
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut length = text.len();
    if length < 127 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        bytes.push(127);
        length -= 127;
        while length >= 128 {
            bytes.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        bytes.push(u8::try_from(length).unwrap());
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// The fields of a request, including those that every request has.
pub fn fields(method: &str, path: &str, others: &[(&str, &str)]) -> Vec<u8> {
    let all = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)];
    all.iter().chain(others).flat_map(|(name, value)| field(name, value)).collect()
}

/// A connection on which only SETTINGS were exchanged.
pub struct Frames {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
}

impl Frames {
    /// Connects with these settings (identifier and value).
    pub async fn open(address: &str, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (reading, writing) = stream.into_split();
        let mut frames = Self { reading, writing };
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        let first = [PREFACE, &Frame::new(SETTINGS, 0, 0, &settings).bytes()].concat();
        frames.writing.write_all(&first).await.unwrap();
        frames.until(|frame| frame.kind == SETTINGS && frame.flags == ACK).await.unwrap();
        frames.send(&[Frame::new(SETTINGS, ACK, 0, b"")]).await;
        frames
    }

    /// Sends frames. Errors are ignored, because the server may have closed the connection.
    pub async fn send(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        let _ = timeout(DEADLINE, self.writing.write_all(&bytes)).await.expect("it is taken");
    }

    /// The next frame; `None` when the server has closed the connection. PINGs of the server are answered, so that a slow test
    /// keeps its connection.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame =
                timeout(DEADLINE, read(&mut self.reading)).await.expect("it says something");
            match frame {
                Some(Frame { kind: PING, flags: 0, stream, payload }) => {
                    self.send(&[Frame { kind: PING, flags: ACK, stream, payload }]).await;
                }
                frame => return frame,
            }
        }
    }

    /// The next frame that matches; `None` if the server closes the connection first.
    pub async fn until(&mut self, is_so: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if is_so(&frame) {
                return Some(frame);
            }
        }
    }

    /// Sends frames and reads at the same time. Returns the error code of the server's GOAWAY after the connection is closed.
    pub async fn provoke(mut self, frames: &[Frame]) -> Option<u32> {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        let mut code = None;
        let reading = async {
            while let Some(frame) = read(&mut self.reading).await {
                code = (frame.kind == GOAWAY).then(|| frame.code()).or(code);
            }
        };
        // Frames that the server did not read before it closed the connection are dropped.
        let both = async { tokio::join!(reading, self.writing.write_all(&bytes)) };
        timeout(DEADLINE, both).await.expect("the server closes").1.ok();
        code
    }

    /// Waits until the server has processed all sent frames: it answers a PING after them.
    pub async fn settle(&mut self) -> Option<()> {
        self.send(&[Frame::new(PING, 0, 0, b"settled?")]).await;
        self.until(|frame| frame.kind == PING && frame.payload == b"settled?").await.map(|_| ())
    }
}

async fn read(from: &mut OwnedReadHalf) -> Option<Frame> {
    let mut head = [0; 9];
    fill(from, &mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let stream = u32::from_be_bytes(head[5..].try_into().unwrap()) & 0x7fff_ffff;
    let mut payload = vec![0; length.try_into().unwrap()];
    fill(from, &mut payload).await?;
    Some(Frame { kind: head[3], flags: head[4], stream, payload })
}

async fn fill(from: &mut OwnedReadHalf, bytes: &mut [u8]) -> Option<()> {
    let closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    match from.read_exact(bytes).await {
        Ok(_) => Some(()),
        Err(error) if closed.contains(&error.kind()) => None,
        Err(error) => panic!("{error}"),
    }
}
