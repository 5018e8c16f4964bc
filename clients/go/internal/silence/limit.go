// Package silence holds how long a worker may be silent before it is taken to
// be gone. The tests, which are a module of their own, make it short; nothing
// else writes it.
package silence

import (
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Limit is read when a client is made.
var Limit = wire.AliveSilenceMs * time.Millisecond
