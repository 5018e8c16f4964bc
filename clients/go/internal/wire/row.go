package wire

// AppendRow appends the dims numbers of one packed row of [RowBytes] bytes.
func AppendRow(values []float32, encoding string, dims int, row []byte) []float32 {
	return appendRow(values, encoding, dims, row)
}
