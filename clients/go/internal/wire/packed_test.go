package wire

import (
	"math"
	"slices"
	"testing"
)

func TestPackedRowsHaveTheValuesOfTheContract(t *testing.T) {
	for _, c := range []struct {
		file string
		want []float32
	}{
		{"f16", []float32{0.5, -0.25, 65504, 0, 0, 0}},
		{"i8", []float32{31.75, -32, 0.75, 0, 0, 0}},
		{"ubinary", []float32{1, -1, 1, -1, -1, -1}},
		{"ubinary_9", []float32{-1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1}},
		{"f16_extremes", []float32{float32(math.Copysign(0, -1)), 0x1p-24, -65504, 0x1p-14}},
		{"i8_scale_largest", []float32{math.MaxFloat32, -math.MaxFloat32}},
		{"rows", []float32{1, -0.5, 0.1, math.MaxFloat32}},
		{"minimal", []float32{0.5, -0.25, 0.1, 0, 0, 0}},
	} {
		reply, err := DecodeTextReply(read(t, "valid/text-reply/"+c.file+".msgpack"))
		if err != nil {
			t.Fatalf("%s: %v", c.file, err)
		}
		if got := reply.Embeddings.Values(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.file, got, c.want)
		}
	}
}

func TestEveryHalfHasTheValueOfItsBits(t *testing.T) {
	for bits := range 1 << 16 {
		exponent, fraction := bits>>10&0x1f, float64(bits&0x3ff)
		want := math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction/1024, -14)
		case exponent == 0x1f && fraction == 0:
			want = math.Inf(1)
		case exponent == 0x1f:
			want = math.NaN()
		}
		if bits>>15 == 1 {
			want = -want
		}
		got := half(uint16(bits))
		switch {
		case math.IsNaN(want):
			if !math.IsNaN(float64(got)) {
				t.Errorf("%#04x is %v, not NaN", bits, got)
			}
		case float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want):
			t.Errorf("%#04x is %v, not %v", bits, got, want)
		}
	}
}
