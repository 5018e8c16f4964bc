//! Reading requests, an operation a file: what is asked, as rows to run.

mod image;
mod joint;
mod rerank;
mod sparse;
mod text;
