//! `image`: a dense vector for each image.

use sha2::{Digest as _, Sha256};

use crate::batch::content::Image;
use crate::batch::finish::Finish;
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage, Step};
use crate::models::{Options, Shape};
use crate::wire::Error;
use crate::wire::image::ImageRequest;
use crate::wire::reply::meta_bytes;
use crate::wire::vectors::Encoding;

/// Bytes of a prepared image that cost what a token does: 32 × 32 pixels, a patch
/// of the smallest vision transformers. A common 224 × 224 is 49.
const TOKEN_BYTES: usize = 32 * 32 * 3;

impl Stage {
    pub(in crate::batch) fn images(&self, job: &mut Job) -> Result<Step, Error> {
        let (request, dimensions) = self.read_images(job)?;
        let read = job.files.take_read();
        let files: Vec<Result<&[u8], Error>> = match (&read, request.objects) {
            (Some(read), _) => {
                let files = read.iter().map(Result::as_deref);
                files.map(|file| file.map_err(Clone::clone)).collect()
            }
            (None, Some(objects)) => return Ok(Step::Fetch(objects)),
            (None, None) => {
                let images = request.images.iter().flatten();
                images.map(|file| Ok(file.0.as_ref())).collect()
            }
        };
        let bytes = self.tokenizer.image_bytes();
        let tokens = bytes.div_ceil(TOKEN_BYTES);
        // A hundred bytes may become a thousand times as many: there has to be room
        // for the pixels before they are.
        let there = files.iter().flatten().count();
        job.ticket.grow(there * tokens, there * bytes)?;
        let look = |file: &[u8]| {
            let pixels = self.tokenizer.prepare(file)?;
            Ok(Row::Look(Image {
                pixels,
                digest: Sha256::digest(file).into(),
                tokens,
            }))
        };
        let mut rows = Vec::with_capacity(files.len());
        for file in files {
            // A picture may take a second, and a request has many.
            self.still_wanted(job)?;
            rows.push(file.and_then(look));
        }
        let normalize = request.normalize.unwrap_or(self.facts.normalizes);
        Ok(Step::Run(Asking {
            rows,
            options: Options {
                normalize,
                ..Options::default()
            },
            shape: Shape {
                dense: dimensions,
                ..self.facts.shape
            },
            space: self.facts.space_of(normalize, dimensions),
            encoding: request.encoding.unwrap_or(Encoding::usual(job.call.format)),
            finish: Finish::Images,
            meta: request.meta,
            memo: None,
            bytes_of_row: 0,
        }))
    }

    /// Reads an `image` request and refuses what this model cannot do; gives the
    /// values that are kept of each vector too.
    fn read_images(&self, job: &Job) -> Result<(ImageRequest, usize), Error> {
        let format = job.call.format;
        let request: ImageRequest = format.decode(&job.body)?;
        let encoding = request.encoding.unwrap_or(Encoding::usual(format));
        let dimensions = self.kept(request.dimensions)?;
        let normalize = request.normalize.unwrap_or(self.facts.normalizes);
        let space = self.facts.space_of(normalize, dimensions);
        self.demand(request.space.as_deref(), &space)?;
        let meta = meta_bytes(format, request.meta.as_ref());
        let rows = request.len();
        job.room
            .check(&job.call, encoding, dimensions, rows, meta)?;
        Ok((request, dimensions))
    }
}
