module github.com/fastembed-nats/fastembed-nats/clients/go/test

go 1.25.0

require (
	github.com/fastembed-nats/fastembed-nats/clients/go v0.0.0
	github.com/nats-io/jwt/v2 v2.8.2
	github.com/nats-io/nats.go v1.53.1
	github.com/nats-io/nkeys v0.4.16
	go.uber.org/goleak v1.3.0
)

require (
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.52.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
)

replace github.com/fastembed-nats/fastembed-nats/clients/go => ..
