//! Images: bytes in, pixels as a model's own preprocessor file asks for them.

pub mod decode;
mod jpeg;
pub mod preprocess;
mod resample;
mod settings;
