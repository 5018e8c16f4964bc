// Package fastembed calls a fleet of embedding workers on a NATS bus as if it
// were a local library.
//
// A [Client] stands on a connection of the caller's. A [TextEmbedding] is one
// model, as a [SparseTextEmbedding], an [ImageEmbedding], a [TextRerank] and a
// [JointTextEmbedding] are of other kinds: its Embed takes any number of texts,
// splits them into requests that workers and bus can carry, keeps several of
// them in flight so that the whole fleet works on one call, and puts the vectors
// back in order. What the bus can do to a request — a full queue, a worker that
// leaves or dies, a part that is lost, a connection that breaks — is noticed and
// mended within the context's deadline, or reported as an error that [errors.Is]
// and [errors.As] can read. Vectors of different spaces are never mixed.
//
//	nc, err := nats.Connect(nats.DefaultURL)
//	...
//	client, err := fastembed.New(nc)
//	...
//	model, err := client.NewTextEmbedding(ctx, "AllMiniLML6V2")
//	...
//	vectors, err := model.Embed(ctx, []string{"a text", "another"}, 0)
//
// # Contexts
//
// Every call is bounded by its context; one without a deadline gets 30 seconds
// ([WithDefaultTimeout]). The time left travels with each request, so that
// workers do not compute what nobody waits for.
//
// # Errors
//
// Calls fail with an *[Error] that has a name, a number and a word on retrying,
// and matches one of the sentinels, such as [ErrOverloaded]. Inputs that fail
// alone come as a *[BatchError] beside the results of the others.
//
// # Connections
//
// While the connection is down nothing is published: calls wait for it to come
// back. The client publishes from its callers' goroutines and reads from one
// subscription. A connection with a user of few rights needs
// [nats.CustomInboxPrefix] for replies to arrive.
//
// # Workers that die
//
// A worker that holds a request says each second that it lives. When none of
// that came for three seconds, while the server did answer, the request is sent
// again; see [WithSignsOfLife].
package fastembed
