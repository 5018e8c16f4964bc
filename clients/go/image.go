package fastembed

import (
	"context"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// ImageEmbedding turns images into vectors with one model of the fleet. All its
// vectors are of one space. It is safe for concurrent use.
type ImageEmbedding struct{ model }

// ImageObject is where an image lies in the bus's object store.
type ImageObject struct {
	// Bucket is the object store's bucket and Name the object in it.
	Bucket, Name string
}

// NewImageEmbedding asks the fleet for a model of images, such as "ClipVitB32".
// All else is as with [Client.NewTextEmbedding].
func (c *Client) NewImageEmbedding(ctx context.Context, name string, opts ...EmbedOption) (*ImageEmbedding, error) {
	m := &ImageEmbedding{}
	if err := c.open(ctx, &m.model, wire.OpImage, name, takesDense, opts); err != nil {
		return nil, err
	}
	return m, nil
}

// Dimensions returns the length of the vectors, if they are not cut.
func (m *ImageEmbedding) Dimensions() int { return m.info.Dimensions }

// Embed returns one vector for each image, in their order. An image is a whole
// file as it is stored: PNG, JPEG, WebP, GIF (its first frame), BMP or TIFF.
//
// batchSize is the most images in one request; 0 leaves the choice to the client.
// Requests, failures and errors are those of [TextEmbedding.Embed]: an image that
// cannot be read fails alone, with a nil vector and an entry in the *[BatchError],
// and so does one larger than a request can be ([ErrPayloadTooLarge]); for those
// see [ImageEmbedding.EmbedObjects].
func (m *ImageEmbedding) Embed(ctx context.Context, images [][]byte, batchSize int, opts ...EmbedOption) ([][]float32, error) {
	result, err := m.EmbedDetailed(ctx, images, batchSize, opts...)
	if result == nil {
		return nil, err
	}
	return result.Vectors, err
}

// EmbedDetailed is [ImageEmbedding.Embed] with origin and timings. The result is
// nil exactly when the call as a whole failed.
func (m *ImageEmbedding) EmbedDetailed(ctx context.Context, images [][]byte, batchSize int, opts ...EmbedOption) (*Embeddings, error) {
	return m.dense(ctx, imageInputs{images: images}, batchSize, opts)
}

// EmbedObjects is [ImageEmbedding.EmbedDetailed] of images that lie in the bus's
// object store: the way for images beyond the server's max_payload, up to
// [Limits].MaxImageBytes. Whoever may publish to a bucket puts them there, with
// nats.go's jetstream.ObjectStore. Workers read the buckets of their objects.buckets
// and say so by the feature "objects" in [Info].Features. An object that is missing,
// or of another bucket, fails alone with [ErrInvalidRequest], one too large with
// [ErrPayloadTooLarge], and one whose bytes are not those that were stored, or that
// a worker cannot get at, with [ErrInternal].
func (m *ImageEmbedding) EmbedObjects(ctx context.Context, objects []ImageObject, batchSize int, opts ...EmbedOption) (*Embeddings, error) {
	return m.dense(ctx, imageInputs{objects: objects}, batchSize, opts)
}

// EmbedPacked is [ImageEmbedding.EmbedDetailed] with the vectors left as they
// came; see [TextEmbedding.EmbedPacked].
func (m *ImageEmbedding) EmbedPacked(ctx context.Context, images [][]byte, batchSize int, encoding Encoding, opts ...EmbedOption) (*PackedEmbeddings, error) {
	result, err := m.packed(len(images), encoding, opts)
	if err != nil {
		return nil, err
	}
	details, err := m.embed(ctx, imageInputs{images: images}, batchSize, opts, encoding, rowsInto(result.Rows))
	return result.with(details), err
}

func (m *ImageEmbedding) dense(ctx context.Context, in imageInputs, batchSize int, opts []EmbedOption) (*Embeddings, error) {
	result := &Embeddings{Vectors: make([][]float32, in.len())}
	details, err := m.embed(ctx, in, batchSize, opts, EncodingF32, vectorsInto(result.Vectors))
	if details == nil {
		return nil, err
	}
	result.Details = *details
	return result, err
}

// imageInputs are images, or where they lie.
type imageInputs struct {
	images  [][]byte
	objects []ImageObject
	broken  []*Error // nil, or why an image cannot be sent
}

func (in imageInputs) len() int { return len(in.images) + len(in.objects) }

func (in imageInputs) measure(b bounds, i int) (int, *Error) {
	switch {
	case in.broken != nil && in.broken[i] != nil:
		return 0, in.broken[i]
	case in.objects != nil:
		o := wire.ObjectRef(in.objects[i])
		return b.fit("reference", wire.ObjectSize(o), func(n int) int { return n })
	default:
		size, e := b.fit("image", len(in.images[i]), wire.BinSize)
		if e != nil && len(in.images[i]) <= b.itemBytes {
			e.Message += "; an object store holds more, see EmbedObjects"
		}
		return size, e
	}
}

// request fills in the images of a chunk.
func (in imageInputs) request(doc wire.ImageRequest, at chunk) []byte {
	if in.objects == nil {
		doc.Images = pick(in.images, at)
	} else {
		for _, index := range at {
			doc.Objects = append(doc.Objects, wire.ObjectRef(in.objects[index]))
		}
	}
	return wire.AppendImageRequest(nil, &doc)
}

// defaultImages is the most images of a request when the caller leaves the choice
// to the client: an image costs about as much as a page of text.
const defaultImages = 16

// embed makes a call. The details are nil if it failed as a whole.
func (m *ImageEmbedding) embed(ctx context.Context, in imageInputs, batchSize int, opts []EmbedOption, encoding Encoding, file fileBlock) (*Details, error) {
	o, err := m.begin(in.len(), batchSize, opts)
	if err != nil {
		return nil, err
	}
	space, dims := m.space(o), o.dims(m.info)
	doc := wire.ImageRequest{Encoding: encoding.wish(), Normalize: o.normalize, Dimensions: o.wish(), Space: &space}
	r := &run[*wire.ImageReply]{
		model: &m.model, space: space, rowBytes: encoding.rowBytes(dims),
		encode: func(at chunk) []byte { return in.request(doc, at) },
		decode: wire.DecodeImageReply,
		check: func(p *wire.ImageReply, _ *assembly[*wire.ImageReply]) error {
			return checkVectors(&p.Embeddings, encoding, dims)
		},
		file: func(p *wire.ImageReply, at chunk, failed []bool) error {
			file(&p.Embeddings, at, failed)
			return nil
		},
	}
	// A request whose images all cannot be read is answered with that alone.
	r.itemCodes = []wire.Code{wire.CodeInvalidRequest, wire.CodeUnsupportedMediaType}
	fixed := len(in.request(doc, nil))
	return r.do(ctx, func(bodyBytes int) ([]chunk, []ItemError) {
		return split(in.len(), in.measure, bounds{
			items:     batch(batchSize, defaultImages, m.info.Limits.MaxImages),
			itemBytes: m.info.Limits.MaxImageBytes,
			bodyBytes: bodyBytes,
			fixed:     fixed + len("objects") + 1 + arrayHeader,
		})
	})
}
