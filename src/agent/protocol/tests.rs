//! What is asked is what is read, and nothing else is.

use super::*;

const NAME: KeyName<'static> = KeyName { store_id: b"store", epoch: -7 };
const KEY: [u8; KEY_LENGTH] = [9; KEY_LENGTH];

fn requests() -> [Request<'static>; 10] {
    [
        Request::Status,
        Request::Stop,
        Request::Lock,
        Request::Hold { name: NAME, key: &KEY },
        Request::Holds(NAME),
        Request::Unseal { name: NAME, associated_data: b"", sealed: b"sealed" },
        Request::Seal { name: NAME, associated_data: b"data", record: b"" },
        Request::Open(b"opening"),
        Request::Update { token: b"token", opening: b"" },
        Request::Close { token: b"", owner: u32::MAX },
    ]
}

#[test]
fn what_is_asked_is_what_is_read() {
    for request in requests() {
        let frame = request.frame().unwrap();
        let (length, body) = frame.split_first_chunk::<PREFIX>().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, body.len());
        assert_eq!(frame.capacity(), frame.len(), "made in one piece");
        assert_eq!(Request::read(body), Ok(request));
    }
}

#[test]
fn a_request_that_is_cut_or_goes_on_is_none() {
    for request in requests() {
        let frame = request.frame().unwrap();
        let body = &frame[PREFIX..];
        for end in 0..body.len() {
            let read = Request::read(&body[..end]);
            assert!(end >= 2 && body[0] == ANY_VERSION || read == Err(Undecodable::Malformed), "{request:?} {end}");
        }
        if body[0] == VERSION {
            assert_eq!(Request::read(&[body, &[0; 4]].concat()), Err(Undecodable::Malformed));
        }
    }
    assert_eq!(Request::read(&[VERSION, 99, 0, 0, 0, 0]), Err(Undecodable::Malformed));
}

#[test]
fn what_every_version_understands_may_have_more_fields_and_the_rest_is_named_another_version() {
    for (op, request) in [(1, Request::Status), (2, Request::Stop), (3, Request::Lock)] {
        assert_eq!(Request::read(&[ANY_VERSION, op, 0, 0, 0, 1, 7]), Ok(request));
        assert_eq!(Request::read(&[VERSION + 1, op]), Err(Undecodable::Version));
    }
    assert_eq!(Request::read(&[ANY_VERSION, 200]), Err(Undecodable::Version));
}

fn live(failure: Option<&str>) -> Live {
    Live {
        name: "4711-ab".into(),
        owner: 4,
        is_metadata: failure.is_none(),
        shown: "prod/Admin".into(),
        expires_at: failure.map(|_| 5),
        failure: failure.map(str::to_owned),
    }
}

#[test]
fn a_status_is_read_as_it_was_written_also_with_fields_of_a_later_version() {
    let key = |epoch| Held { store_id: vec![1, 2], key_epoch: epoch, seconds_left: 5 };
    let status = Status {
        pid: 77,
        protocol: 3,
        version: "9.9".into(),
        memory_locked: true,
        idle_limit: 60,
        held: vec![key(1), key(-1)],
        live: vec![live(None), live(Some("no \u{fc}"))],
    };
    let mut fields = status.fields();
    fields.push(b"of a later version".to_vec());
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let frame = reply(ANY_VERSION, Code::Done, &fields).unwrap();
    let (version, code, fields) = read_reply(&frame[PREFIX..]).unwrap();
    assert_eq!((version, code), (ANY_VERSION, Some(Code::Done)));
    assert_eq!(Status::read(fields), Some(status));
}

#[test]
fn nothing_longer_than_a_frame_is_made() {
    let record = vec![0; LONGEST];
    assert_eq!(Request::Seal { name: NAME, associated_data: b"", record: &record }.frame(), Err(TooLong));
    let overhead = Request::Seal { name: NAME, associated_data: b"", record: b"" }.frame().unwrap().len() - PREFIX;
    let longest = &record[overhead..];
    assert!(Request::Seal { name: NAME, associated_data: b"", record: longest }.frame().is_ok());
}

#[test]
fn no_request_shows_what_it_carries() {
    for request in requests() {
        let shown = format!("{request:?}");
        assert!(shown.chars().all(|c| c.is_ascii_alphabetic() || "[] ".contains(c)), "{shown}");
    }
}
