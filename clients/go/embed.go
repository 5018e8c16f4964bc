package fastembed

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Embeddings is the result of [TextEmbedding.EmbedDetailed].
type Embeddings struct {
	// Vectors are the embeddings, one for each text in the order of the call; nil
	// where the text failed.
	Vectors [][]float32
	TokenCounts
	Details
}

// Embed returns one vector for each text, in their order.
//
// batchSize is the most texts in one request; 0 leaves the choice to the
// client. The call is split into requests that workers and bus can carry, and
// several are in flight at a time, so one call can use the whole fleet. Failed
// requests are repeated where that helps; see [WithRetry].
//
// If some texts fail, for example as too long with [WithTruncate](false), their
// vectors are nil, the others are there, and the error is a *[BatchError]. If
// a request fails as a whole, so does the call, with no vectors, and the error
// is an *[Error], or wraps [ErrNotConnected] or [ErrSilent], or is [ErrClosed].
// When ctx ends first the error matches [ErrDeadlineExceeded] or [ErrCancelled]
// and the context's error; if it was cancelled, workers are told and drop what
// they have not computed. No texts are an [ErrInvalidRequest].
func (t *TextEmbedding) Embed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) ([][]float32, error) {
	result, err := t.EmbedDetailed(ctx, texts, batchSize, opts...)
	if result == nil {
		return nil, err
	}
	return result.Vectors, err
}

// EmbedDetailed is [TextEmbedding.Embed] with token counts, truncation, origin
// and timings. The result is nil exactly when the call as a whole failed; with
// a *[BatchError] it is not.
func (t *TextEmbedding) EmbedDetailed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) (*Embeddings, error) {
	o, err := t.begin(len(texts), batchSize, opts)
	if err != nil {
		return nil, err
	}
	result := &Embeddings{Vectors: make([][]float32, len(texts)), TokenCounts: newTokenCounts(len(texts))}
	space := t.space(o)
	doc := wire.TextRequest{Truncate: o.truncate, Normalize: o.normalize, Space: &space}
	r := &run[*wire.TextReply]{
		model: &t.model, space: space, tokens: &result.TokenCounts, rowBytes: 4 * t.info.Dimensions,
		encode: func(at chunk) []byte {
			doc := doc
			doc.Inputs = pick(texts, at)
			return wire.AppendTextRequest(nil, &doc)
		},
		decode: wire.DecodeTextReply,
		check: func(p *wire.TextReply, _ int) error {
			return checkVectors(&p.Embeddings, wire.EncodingF32, t.info.Dimensions)
		},
		file: func(p *wire.TextReply, at chunk, failed []bool) {
			fileVectors(result.Vectors, &p.Embeddings, at, failed)
		},
	}
	fixed := len(wire.AppendTextRequest(nil, &doc))
	if err := r.do(ctx, t.splitTexts(texts, batchSize, fixed)); err != nil {
		return nil, err
	}
	result.Details = r.details
	return result, r.batchError()
}

// splitTexts measures what requests may hold, of which fixed bytes are taken
// without texts. An array header takes up to 5 bytes, of which one is in the
// encoded empty request already.
func (m *model) splitTexts(texts []string, batchSize, fixed int) func(int) ([]chunk, []ItemError) {
	return func(bodyBytes int) ([]chunk, []ItemError) {
		return split(len(texts), measureTexts(texts), bounds{
			items:     m.batch(batchSize, defaultBatch),
			itemBytes: m.info.Limits.MaxInputBytes,
			bodyBytes: bodyBytes,
			fullBytes: wire.QueueMaxTokens / 4,
			fixed:     fixed + 4,
		})
	}
}

// pick returns the inputs of a chunk.
func pick[T any](list []T, at chunk) []T {
	some := make([]T, len(at))
	for i, index := range at {
		some[i] = list[index]
	}
	return some
}

// checkVectors compares a block with what was asked for.
func checkVectors(v *wire.VectorBlock, encoding string, dims int) error {
	switch {
	case v.Dtype != encoding:
		return fmt.Errorf("its vectors are %q, not %q", v.Dtype, encoding)
	case int(v.Dims) != dims:
		return fmt.Errorf("its vectors have %d dimensions, not %d", v.Dims, dims)
	default:
		return nil
	}
}

// fileVectors copies the rows of a packed block to where they belong; those of
// failed items stay nil.
func fileVectors(into [][]float32, v *wire.VectorBlock, at chunk, failed []bool) {
	dims := int(v.Dims)
	flat := float32s(v.Data)
	for i, index := range at {
		if !failed[i] {
			into[index] = flat[i*dims : (i+1)*dims : (i+1)*dims]
		}
	}
}

// float32s reads little-endian numbers.
func float32s(data []byte) []float32 {
	flat := make([]float32, len(data)/4)
	for i := range flat {
		flat[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return flat
}
