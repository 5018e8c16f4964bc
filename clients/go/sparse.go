package fastembed

import (
	"context"
	"slices"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// SparseTextEmbedding turns texts into sparse vectors with one model of the
// fleet. All its vectors are of one space. It is safe for concurrent use.
type SparseTextEmbedding struct{ model }

// SparseEmbedding is a vector of which most numbers are zero: a weight for each
// of some words of the model's vocabulary. A text without any has empty slices.
type SparseEmbedding struct {
	// Indices are the places of the numbers in the vocabulary, rising.
	Indices []uint32
	// Values are the numbers, one for each index.
	Values []float32
}

// SparseEmbeddings is the result of [SparseTextEmbedding.EmbedDetailed].
type SparseEmbeddings struct {
	// Vectors are the embeddings, one for each text in the order of the call; their
	// slices are nil where the text failed.
	Vectors []SparseEmbedding
	TokenCounts
	Details
}

// NewSparseTextEmbedding asks the fleet for a sparse model, such as
// "SPLADEPPV1". All else is as with [Client.NewTextEmbedding].
func (c *Client) NewSparseTextEmbedding(ctx context.Context, name string, opts ...EmbedOption) (*SparseTextEmbedding, error) {
	s := &SparseTextEmbedding{}
	if err := c.open(ctx, &s.model, wire.OpSparse, name, optTruncate, opts); err != nil {
		return nil, err
	}
	return s, nil
}

// Embed returns one sparse vector for each text, in their order. Requests,
// failures and errors are those of [TextEmbedding.Embed]; a text that failed has
// nil slices.
func (s *SparseTextEmbedding) Embed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) ([]SparseEmbedding, error) {
	result, err := s.EmbedDetailed(ctx, texts, batchSize, opts...)
	if result == nil {
		return nil, err
	}
	return result.Vectors, err
}

// QueryEmbed is [SparseTextEmbedding.Embed] of texts that ask. A model with a
// query side of its own (the feature "query" in [Info].Features) looks the words
// up without running; others embed queries as they do documents.
func (s *SparseTextEmbedding) QueryEmbed(ctx context.Context, queries []string, batchSize int, opts ...EmbedOption) ([]SparseEmbedding, error) {
	if slices.Contains(s.info.Features, wire.FeatureQuery) {
		query := true
		opts = append(slices.Clip(opts), func(o *embedOptions) { o.query = &query })
	}
	return s.Embed(ctx, queries, batchSize, opts...)
}

// PassageEmbed is [SparseTextEmbedding.Embed] of texts that are searched.
func (s *SparseTextEmbedding) PassageEmbed(ctx context.Context, passages []string, batchSize int, opts ...EmbedOption) ([]SparseEmbedding, error) {
	return s.Embed(ctx, passages, batchSize, opts...)
}

// EmbedDetailed is [SparseTextEmbedding.Embed] with token counts, truncation,
// origin and timings. The result is nil exactly when the call as a whole failed.
func (s *SparseTextEmbedding) EmbedDetailed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) (*SparseEmbeddings, error) {
	o, err := s.begin(len(texts), batchSize, opts)
	if err != nil {
		return nil, err
	}
	result := &SparseEmbeddings{Vectors: make([]SparseEmbedding, len(texts)), TokenCounts: newTokenCounts(len(texts))}
	doc := wire.SparseRequest{Truncate: o.truncate, Query: o.query, Space: &s.info.Space}
	r := &run[*wire.SparseReply]{
		model: &s.model, space: s.info.Space, tokens: &result.TokenCounts, rowBytes: sparseRowBytes,
		encode: func(at chunk) []byte {
			doc := doc
			doc.Inputs = pick(texts, at)
			return wire.AppendSparseRequest(nil, &doc)
		},
		decode: wire.DecodeSparseReply,
		check:  func(*wire.SparseReply, *assembly[*wire.SparseReply]) error { return nil },
		file: func(p *wire.SparseReply, at chunk, failed []bool) error {
			fileSparse(&p.Sparse, failed, func(row int, v SparseEmbedding) { result.Vectors[at[row]] = v })
			return nil
		},
	}
	fixed := len(wire.AppendSparseRequest(nil, &doc))
	details, err := r.do(ctx, s.splitTexts(texts, batchSize, wire.QueueMaxTokens/4, fixed))
	if details == nil {
		return nil, err
	}
	result.Details = *details
	return result, err
}

// sparseRowBytes bounds a sparse row: no vocabulary in use has more words than
// 2^18, and an entry takes 8 bytes.
const sparseRowBytes = 8 << 18

// fileSparse reads the rows of a block, but those that failed.
func fileSparse(s *wire.SparseBlock, failed []bool, set func(row int, v SparseEmbedding)) {
	indices := make([]uint32, len(s.Indices)/4)
	for i := range indices {
		indices[i] = wire.Uint32At(s.Indices, i)
	}
	values := float32s(s.Values)
	for i := range int(s.Count) {
		if row := int(s.First) + i; !failed[row] {
			from, to := wire.Uint32At(s.Offsets, i), wire.Uint32At(s.Offsets, i+1)
			set(row, SparseEmbedding{Indices: indices[from:to:to], Values: values[from:to:to]})
		}
	}
}
