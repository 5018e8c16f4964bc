//! The `image` operation: files of images in, dense vectors out.

use serde::{Deserialize, Serialize};

use super::meta::Meta;
use super::vectors::{Encoding, Packed};
use super::{Error, de};

/// A call for vectors of images (`schemas/image-request.schema.json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRequest {
    /// One to 64 files; a row of the reply for each, in this order.
    #[serde(
        default,
        deserialize_with = "de::present_images",
        skip_serializing_if = "Option::is_none"
    )]
    pub images: Option<Vec<Packed<'static>>>,
    /// The same as objects of an object store, in place of `images`.
    #[serde(
        default,
        deserialize_with = "de::present_objects",
        skip_serializing_if = "Option::is_none"
    )]
    pub objects: Option<Vec<Object>>,
    /// How the vectors are packed.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub encoding: Option<Encoding>,
    /// Scale every vector to unit length (the default).
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub normalize: Option<bool>,
    /// Matryoshka cut, in dimensions.
    #[serde(
        default,
        deserialize_with = "de::positive",
        skip_serializing_if = "Option::is_none"
    )]
    pub dimensions: Option<u32>,
    /// The space that the vectors must belong to.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub space: Option<String>,
    /// Echoed.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta>,
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
    /// The files, where they stand in the request.
    #[must_use]
    pub fn images(&self) -> &[Packed<'static>] {
        self.images.as_deref().unwrap_or_default()
    }

    /// Refuses all but one list of images.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn check(&self) -> Result<(), Error> {
        self.check_shape()?;
        match &self.objects {
            Some(_) => Err(Error::invalid(
                "objects: not served by this version; send the files as images",
            )),
            None => Ok(()),
        }
    }

    /// Refuses what is no request of images, whatever this version serves.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn check_shape(&self) -> Result<(), Error> {
        match (&self.images, &self.objects) {
            (Some(_), Some(_)) => Err(Error::invalid("images and objects: give one of them")),
            (None, None) => Err(Error::invalid("images: missing")),
            (Some(images), None) if images.is_empty() => Err(Error::invalid("images is empty")),
            (None, Some(objects)) if objects.is_empty() => Err(Error::invalid("objects is empty")),
            _ => Ok(()),
        }
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
            (br#"{"objects":[{"bucket":"b","name":"n"}]}"#, "objects"),
            (br#"{"objects":[{"bucket":"b","nome":"n"}]}"#, "nome"),
        ] {
            let decoded: Result<ImageRequest, _> = Format::Json.decode(request);
            let refused = decoded.and_then(|request| request.check()).unwrap_err();
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
