// Package wire reads and writes the documents of the fastembed protocol as
// MessagePack. It knows neither NATS nor the client: bytes in, values out.
//
// Decoding is done twice over. A structural pass (see [check]) walks the bytes
// once and refuses whatever no document may hold; the typed pass that follows
// can then trust every length it meets, so nothing is allocated for bytes that
// are not there. Encoding is canonical: keys in the order of the contract,
// absent optionals left out, integers in their smallest form.
package wire
