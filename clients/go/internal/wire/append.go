package wire

import (
	"encoding/binary"
	"math"
)

func appendMapHeader(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x80|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xde), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(b, 0xdf), uint32(n))
	}
}

func appendArrayHeader(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x90|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xdc), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
	}
}

func appendStr(b []byte, s string) []byte {
	n := len(s)
	switch {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n <= math.MaxUint8:
		b = append(b, 0xd9, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

// StrSize is the encoded size of a string of n bytes.
func StrSize(n int) int {
	switch {
	case n < 32:
		return 1 + n
	case n <= math.MaxUint8:
		return 2 + n
	case n <= math.MaxUint16:
		return 3 + n
	default:
		return 5 + n
	}
}

func appendBin(b, data []byte) []byte {
	n := len(data)
	switch {
	case n <= math.MaxUint8:
		b = append(b, 0xc4, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(n))
	}
	return append(b, data...)
}

func appendUint(b []byte, v uint64) []byte {
	switch {
	case v < 128:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(b, 0xcf), v)
	}
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

func appendFloat32(b []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0xca), math.Float32bits(v))
}

func appendStrs(b []byte, list []string) []byte {
	b = appendArrayHeader(b, len(list))
	for _, s := range list {
		b = appendStr(b, s)
	}
	return b
}

func appendUints(b []byte, list []uint32) []byte {
	b = appendArrayHeader(b, len(list))
	for _, n := range list {
		b = appendUint(b, uint64(n))
	}
	return b
}

// count is the number of keys of a map: those always there and those present.
func count(always int, present ...bool) int {
	for _, p := range present {
		if p {
			always++
		}
	}
	return always
}

// appendOption appends a key and its value, unless it is absent.
func appendOption[T any](b []byte, key string, value *T, one func([]byte, T) []byte) []byte {
	if value == nil {
		return b
	}
	return one(appendStr(b, key), *value)
}

func byValue[T any](one func([]byte, *T) []byte) func([]byte, T) []byte {
	return func(b []byte, value T) []byte { return one(b, &value) }
}

func appendUint32(b []byte, v uint32) []byte { return appendUint(b, uint64(v)) }

func appendMeta(b, meta []byte) []byte {
	if meta == nil {
		return b
	}
	return append(appendStr(b, "meta"), meta...)
}

// BinSize is the encoded size of n bytes.
func BinSize(n int) int {
	switch {
	case n <= math.MaxUint8:
		return 2 + n
	case n <= math.MaxUint16:
		return 3 + n
	default:
		return 5 + n
	}
}
