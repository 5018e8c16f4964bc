package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// RowBytes is the length of one row of dims numbers in a packed encoding.
func RowBytes(dtype string, dims uint32) uint64 {
	n := uint64(dims)
	switch dtype {
	case EncodingF16:
		return 2 * n
	case EncodingI8:
		return 4 + n // a float32 scale before the bytes
	case EncodingUbinary:
		return (n + 7) / 8
	default:
		return 4 * n
	}
}

func isPacked(dtype string) bool {
	switch dtype {
	case EncodingF32, EncodingF16, EncodingI8, EncodingUbinary:
		return true
	}
	return false
}

// Values returns all numbers of a decoded block, row-major. Those of
// [EncodingUbinary] are 1 and -1. It may take 32 times the block's size.
func (v *VectorBlock) Values() []float32 {
	if v.Dtype == EncodingArray {
		return v.Rows
	}
	width := int(RowBytes(v.Dtype, v.Dims))
	values := make([]float32, 0, int(v.Count)*int(v.Dims))
	for row := range int(v.Count) {
		values = appendRow(values, v.Dtype, int(v.Dims), v.Data[row*width:(row+1)*width])
	}
	return values
}

func appendRow(values []float32, dtype string, dims int, row []byte) []float32 {
	switch dtype {
	case EncodingF16:
		for i := range dims {
			values = append(values, half(binary.LittleEndian.Uint16(row[2*i:])))
		}
	case EncodingI8:
		scale := float32At(row)
		for _, step := range row[4:] {
			values = append(values, float32(int8(step))*scale)
		}
	case EncodingUbinary:
		for i := range dims {
			value := float32(-1)
			if row[i/8]&(0x80>>(i%8)) != 0 {
				value = 1
			}
			values = append(values, value)
		}
	default:
		for i := range dims {
			values = append(values, float32At(row[4*i:]))
		}
	}
	return values
}

func float32At(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// half is the value of an IEEE 754 binary16: sign, 5 bits of exponent, 10 of
// fraction.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exponent {
	case 0: // zero, or less than the smallest normal number
		value := float32(fraction) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(value))
	case 0x1f: // infinity, or not a number
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}

// packed checks the length of packed vectors, and that every number is finite.
func (r *reader) packed(v *VectorBlock) {
	width := RowBytes(v.Dtype, v.Dims)
	over, size := bits.Mul64(width, uint64(v.Count))
	if over != 0 || uint64(len(v.Data)) != size {
		r.fail("embeddings.data has %d bytes for %d rows of %d as %s", len(v.Data), v.Count, v.Dims, v.Dtype)
		return
	}
	if width == 0 {
		return
	}
	for from := uint64(0); from < size; from += width {
		row := v.Data[from : from+width]
		if !finite(v.Dtype, row) {
			r.fail("embeddings.data holds a number that is not finite")
			return
		}
		if n := v.Dims % 8; v.Dtype == EncodingUbinary && n != 0 && row[width-1]&(0xff>>n) != 0 {
			r.fail("embeddings.data has bits beyond the last number of a row")
			return
		}
	}
}

// finite says whether every number of a row is.
func finite(dtype string, row []byte) bool {
	switch dtype {
	case EncodingF16:
		const exponent = 0x7c00 // all ones: infinity or not a number
		for i := 0; i < len(row); i += 2 {
			if binary.LittleEndian.Uint16(row[i:])&exponent == exponent {
				return false
			}
		}
	case EncodingI8:
		scale := float32At(row)
		if !isFinite(scale) {
			return false
		}
		for _, step := range row[4:] {
			if !isFinite(float32(int8(step)) * scale) {
				return false
			}
		}
	case EncodingF32:
		for i := 0; i < len(row); i += 4 {
			if !isFinite(float32At(row[i:])) {
				return false
			}
		}
	}
	return true
}

func isFinite(x float32) bool {
	const exponent = 0x7f800000 // all ones: infinity or not a number
	return math.Float32bits(x)&exponent != exponent
}
