//! The `image` operation: files of images in, dense vectors out.

use serde::{Deserialize, Serialize};

use super::de;
use super::meta::Meta;
use super::vectors::{Encoding, Packed};

/// A call for vectors of images (`schemas/image-request.schema.json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Read")]
pub struct ImageRequest {
    /// One to 64 files; a row of the reply for each, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<Packed<'static>>>,
    /// The same as objects of an object store, in place of `images`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<Object>>,
    /// How the vectors are packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Scale every vector to unit length (the default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// Matryoshka cut, in dimensions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// The space that the vectors must belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Echoed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// [`ImageRequest`] as it is read, before its two lists are compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(default, deserialize_with = "de::present_images")]
    images: Option<Vec<Packed<'static>>>,
    #[serde(default, deserialize_with = "de::present_objects")]
    objects: Option<Vec<Object>>,
    #[serde(default, deserialize_with = "de::present")]
    encoding: Option<Encoding>,
    #[serde(default, deserialize_with = "de::present")]
    normalize: Option<bool>,
    #[serde(default, deserialize_with = "de::positive")]
    dimensions: Option<u32>,
    #[serde(default, deserialize_with = "de::present_string")]
    space: Option<String>,
    #[serde(default, deserialize_with = "de::present")]
    meta: Option<Meta>,
}

impl TryFrom<Read> for ImageRequest {
    type Error = &'static str;

    fn try_from(read: Read) -> Result<Self, Self::Error> {
        match (&read.images, &read.objects) {
            (Some(_), Some(_)) => return Err("images and objects: give one of them"),
            (None, None) => return Err("images: missing"),
            (Some(images), None) if images.is_empty() => return Err("images is empty"),
            (None, Some(objects)) if objects.is_empty() => return Err("objects is empty"),
            _ => {}
        }
        Ok(Self {
            images: read.images,
            objects: read.objects,
            encoding: read.encoding,
            normalize: read.normalize,
            dimensions: read.dimensions,
            space: read.space,
            meta: read.meta,
        })
    }
}

/// An object of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The store.
    #[serde(deserialize_with = "de::string")]
    pub bucket: String,
    /// Its name there.
    #[serde(deserialize_with = "de::string")]
    pub name: String,
}

impl ImageRequest {
    /// How many images it is about.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "none is refused")]
    pub fn len(&self) -> usize {
        let images = self.images.as_ref().map_or(0, Vec::len);
        self.objects.as_ref().map_or(images, Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ErrorCode, Format, protocol};
    use std::borrow::Cow;

    fn of(images: usize) -> ImageRequest {
        ImageRequest {
            images: Some(vec![Packed(Cow::Borrowed(&[0xff, 0xd8])); images]),
            ..ImageRequest::default()
        }
    }

    #[test]
    fn images_are_bytes_and_in_json_base64() {
        let request = of(2);
        let json = Format::Json.encode(&request).unwrap();
        assert_eq!(json, br#"{"images":["/9g=","/9g="]}"#);
        for format in [Format::Json, Format::MsgPack] {
            let bytes = format.encode(&request).unwrap();
            assert_eq!(format.decode::<ImageRequest>(&bytes).unwrap(), request);
        }
    }

    #[test]
    fn what_is_no_list_of_images_is_refused_and_named() {
        for (request, named) in [
            (&br#"{"images":[]}"#[..], "images is empty"),
            (b"{}", "images: missing"),
            (br#"{"inputs":["a text"]}"#, "inputs"),
            (br#"{"images":["no base 64"]}"#, "images[0]"),
            (br#"{"images":"/9g="}"#, "images"),
            (br#"{"images":["/9g="],"truncate":true}"#, "truncate"),
            (br#"{"images":["/9g="],"dimensions":0}"#, "dimensions"),
            (br#"{"images":["/9g="],"objects":[]}"#, "one of them"),
            (br#"{"objects":[]}"#, "objects is empty"),
            (br#"{"objects":[{"bucket":"b","nome":"n"}]}"#, "nome"),
        ] {
            let refused = Format::Json.decode::<ImageRequest>(request).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidRequest);
            assert!(refused.message.contains(named), "{named}: {refused}");
        }
    }

    #[test]
    fn no_request_has_more_images_than_may_be() {
        let most = protocol::MAX_IMAGES;
        for format in [Format::Json, Format::MsgPack] {
            let decode = |images| {
                let bytes = format.encode(&of(images)).unwrap();
                format.decode::<ImageRequest>(&bytes)
            };
            assert!(decode(most).is_ok());
            assert!(decode(most + 1).is_err());
        }
    }
}
