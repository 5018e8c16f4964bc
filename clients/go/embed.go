package fastembed

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Embeddings is the result of [TextEmbedding.EmbedDetailed] and
// [ImageEmbedding.EmbedDetailed].
type Embeddings struct {
	// Vectors are the embeddings, one for each input in the order of the call; nil
	// where the input failed.
	Vectors [][]float32
	// TokenCounts are those of texts; images have none.
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
	result := &Embeddings{Vectors: make([][]float32, len(texts)), TokenCounts: newTokenCounts(len(texts))}
	details, err := t.embed(ctx, texts, batchSize, opts, EncodingF32, &result.TokenCounts, vectorsInto(result.Vectors))
	if details == nil {
		return nil, err
	}
	result.Details = *details
	return result, err
}

// QueryEmbed is [TextEmbedding.Embed] of texts that ask: with the model's prompt
// "query" before each, where it has one ([Info].Prompts). Their vectors are
// compared with those of [TextEmbedding.PassageEmbed].
func (t *TextEmbedding) QueryEmbed(ctx context.Context, queries []string, batchSize int, opts ...EmbedOption) ([][]float32, error) {
	return t.Embed(ctx, queries, batchSize, t.prompted(wire.PromptQuery, opts)...)
}

// PassageEmbed is [TextEmbedding.Embed] of texts that are searched: with the
// model's prompt "passage" before each, where it has one ([Info].Prompts).
func (t *TextEmbedding) PassageEmbed(ctx context.Context, passages []string, batchSize int, opts ...EmbedOption) ([][]float32, error) {
	return t.Embed(ctx, passages, batchSize, t.prompted(wire.PromptPassage, opts)...)
}

// prompted puts a prompt before the options of the call, which go first.
func (t *TextEmbedding) prompted(name string, opts []EmbedOption) []EmbedOption {
	if !slices.Contains(t.info.Prompts, name) {
		return opts
	}
	return append([]EmbedOption{WithPrompt(name)}, opts...)
}

// embed makes a call. The details are nil if it failed as a whole.
func (t *TextEmbedding) embed(ctx context.Context, texts []string, batchSize int, opts []EmbedOption,
	encoding Encoding, tokens *TokenCounts, file fileBlock,
) (*Details, error) {
	o, err := t.begin(len(texts), batchSize, opts)
	if err != nil {
		return nil, err
	}
	space, dims := t.space(o), o.dims(t.info)
	doc := wire.TextRequest{
		Truncate: o.truncate, Normalize: o.normalize, Dimensions: o.wish(), Prompt: o.prompt,
		Encoding: encoding.wish(), Space: &space,
	}
	r := &run[*wire.TextReply]{
		model: &t.model, space: space, tokens: tokens, rowBytes: encoding.rowBytes(dims),
		encode: func(at chunk) []byte {
			doc := doc
			doc.Inputs = pick(texts, at)
			return wire.AppendTextRequest(nil, &doc)
		},
		decode: wire.DecodeTextReply,
		check: func(p *wire.TextReply, _ *assembly[*wire.TextReply]) error {
			return checkVectors(&p.Embeddings, encoding, dims)
		},
		file: func(p *wire.TextReply, at chunk, failed []bool) error {
			file(&p.Embeddings, at, failed)
			return nil
		},
	}
	return r.do(ctx, t.splitTexts(texts, batchSize, wire.QueueMaxTokens/4, len(wire.AppendTextRequest(nil, &doc))))
}

// splitTexts measures what requests may hold, of which fixed bytes are taken
// without texts.
func (m *model) splitTexts(texts []string, batchSize, fullBytes, fixed int) func(int) ([]chunk, []ItemError) {
	return func(bodyBytes int) ([]chunk, []ItemError) {
		return split(len(texts), measureTexts(texts), bounds{
			items:     batch(batchSize, defaultBatch, m.info.Limits.MaxInputs),
			itemBytes: m.info.Limits.MaxInputBytes,
			bodyBytes: bodyBytes,
			fullBytes: fullBytes,
			fixed:     fixed + arrayHeader,
		})
	}
}

// arrayHeader is what the header of an array can take beyond the byte that is in
// an encoded empty request already.
const arrayHeader = 4

// pick returns the inputs of a chunk.
func pick[T any](list []T, at chunk) []T {
	some := make([]T, len(at))
	for i, index := range at {
		some[i] = list[index]
	}
	return some
}

// fileBlock puts the rows of a block where they belong.
type fileBlock func(v *wire.VectorBlock, at chunk, failed []bool)

// checkVectors compares a block with what was asked for.
func checkVectors(v *wire.VectorBlock, encoding Encoding, dims int) error {
	switch {
	case v.Dtype != string(encoding):
		return fmt.Errorf("its vectors are %q, not %q", v.Dtype, encoding)
	case int(v.Dims) != dims:
		return fmt.Errorf("its vectors have %d dimensions, not %d", v.Dims, dims)
	default:
		return nil
	}
}

// vectorsInto copies the rows of float32 blocks; those of failed items stay nil.
func vectorsInto(vectors [][]float32) fileBlock {
	return func(v *wire.VectorBlock, at chunk, failed []bool) {
		dims, first := int(v.Dims), int(v.First)
		flat := float32s(v.Data)
		for i := range int(v.Count) {
			if !failed[first+i] {
				vectors[at[first+i]] = flat[i*dims : (i+1)*dims : (i+1)*dims]
			}
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
