package fastembed

import (
	"context"
	"slices"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Encoding is how the numbers of dense vectors are packed. It changes no vector's
// space, only how exactly it is carried.
type Encoding string

const (
	// EncodingF32 is 4 bytes a number, a little-endian float32: exact.
	EncodingF32 Encoding = wire.EncodingF32
	// EncodingF16 is 2 bytes a number, a little-endian IEEE half float.
	EncodingF16 Encoding = wire.EncodingF16
	// EncodingI8 is a byte a number behind a little-endian float32, the row's scale:
	// a number is its signed byte times the scale. See [DotI8] and [CosineI8].
	EncodingI8 Encoding = wire.EncodingI8
	// EncodingUbinary is a bit a number, 1 if it is above 0, the first in the highest
	// bit of the first byte, as numpy.packbits has it. See [Hamming].
	EncodingUbinary Encoding = wire.EncodingUbinary
)

// wish is what a request says of its encoding: nothing for the default.
func (e Encoding) wish() *string {
	if e == EncodingF32 {
		return nil
	}
	name := string(e)
	return &name
}

func (e Encoding) rowBytes(dims int) int { return int(wire.RowBytes(string(e), uint32(dims))) }

// PackedEmbeddings are vectors as they came over the bus.
type PackedEmbeddings struct {
	// Encoding says what the bytes of a row are, and Dimensions how many numbers.
	Encoding   Encoding
	Dimensions int
	// Rows holds one packed vector for each input, in the order of the call; nil
	// where the input failed.
	Rows [][]byte
	// TokenCounts are those of texts; images have none.
	TokenCounts
	Details
}

// Vector appends the numbers of row i to dst and returns it. Those of
// [EncodingUbinary] are 1 and -1. It appends nothing where the input failed.
func (p *PackedEmbeddings) Vector(dst []float32, i int) []float32 {
	if p.Rows[i] == nil {
		return dst
	}
	return wire.AppendRow(dst, string(p.Encoding), p.Dimensions, p.Rows[i])
}

// EmbedPacked is [TextEmbedding.EmbedDetailed] with the vectors left as they
// came, packed as asked for: a quarter of the bytes and less, for stores that take
// them so, or for [Hamming], [DotI8] and [TopK]. An encoding that the worker does
// not serve ([Info].Encodings) is an [ErrInvalidRequest].
func (t *TextEmbedding) EmbedPacked(ctx context.Context, texts []string, batchSize int, encoding Encoding, opts ...EmbedOption) (*PackedEmbeddings, error) {
	result, err := t.packed(len(texts), encoding, opts)
	if err != nil {
		return nil, err
	}
	result.TokenCounts = newTokenCounts(len(texts))
	details, err := t.embed(ctx, texts, batchSize, opts, encoding, &result.TokenCounts, rowsInto(result.Rows))
	return result.with(details), err
}

// packed makes a result for so many inputs.
func (m *model) packed(inputs int, encoding Encoding, opts []EmbedOption) (*PackedEmbeddings, error) {
	packings := []Encoding{EncodingF32, EncodingF16, EncodingI8, EncodingUbinary}
	if !slices.Contains(packings, encoding) || !slices.Contains(m.info.Encodings, string(encoding)) {
		return nil, newError(wire.CodeInvalidRequest, "encoding %q is not served; those served are %q", encoding, m.info.Encodings)
	}
	return &PackedEmbeddings{
		Encoding: encoding, Dimensions: m.opts.with(opts).dims(m.info), Rows: make([][]byte, inputs),
	}, nil
}

func (p *PackedEmbeddings) with(details *Details) *PackedEmbeddings {
	if details == nil {
		return nil
	}
	p.Details = *details
	return p
}

// rowsInto keeps the rows of packed blocks; those of failed items stay nil.
func rowsInto(rows [][]byte) fileBlock {
	return func(v *wire.VectorBlock, at chunk, failed []bool) {
		width, first := int(wire.RowBytes(v.Dtype, v.Dims)), int(v.First)
		for i := range int(v.Count) {
			if !failed[first+i] {
				rows[at[first+i]] = v.Data[i*width : (i+1)*width : (i+1)*width]
			}
		}
	}
}
