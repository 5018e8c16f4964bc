package test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// way is one way in which worker and client show who they are. The connection
// is the caller's, so the client itself has no settings for it.
type way struct {
	server  string        // configuration
	worker  []string      // environment
	right   []nats.Option // of a caller that is let in
	wrong   []nats.Option // of one that is not
	refusal error         // what nats.go says to that; nil where it depends on the system
}

func TestACallInPartsWorksWithEveryIdentity(t *testing.T) {
	for name, make := range map[string]func(*testing.T) way{
		"user and password": byPassword,
		"token":             byToken,
		"nkey":              byNkey,
		"credentials":       byCredentials,
		"TLS":               byTLS,
		"mutual TLS":        byMutualTLS,
	} {
		t.Run(name, func(t *testing.T) {
			w := make(t)
			s := startServerOf(t, w.server)
			if nc, err := nats.Connect(s.url(), w.wrong...); err == nil || w.refusal != nil && !errors.Is(err, w.refusal) {
				t.Errorf("with the wrong secret: %v, %v", nc, err)
			}
			nobody := []string{"NATS_USER=", "NATS_PASSWORD="}
			startWorkerAt(t, s.url(), fakeModel("dimensions = 384"), append(nobody, w.worker...)...)
			model := newModel(t, clientOn(t, dial(t, s.url(), w.right...)), "Fake")
			texts := numbered(2000) // 3 MB of vectors
			vectors, err := model.Embed(background(t), texts, len(texts))
			if err != nil {
				t.Fatal(err)
			}
			last, err := model.Embed(background(t), texts[1999:], 1)
			if err != nil || !slices.Equal(last[0], vectors[1999]) {
				t.Errorf("the last vector is not its own: %v", err)
			}
		})
	}
}

func byPassword(*testing.T) way {
	return way{
		server:  `authorization { users: [{ user: u, password: right }] }`,
		worker:  []string{"NATS_USER=u", "NATS_PASSWORD=right"},
		right:   []nats.Option{nats.UserInfo("u", "right")},
		wrong:   []nats.Option{nats.UserInfo("u", "wrong")},
		refusal: nats.ErrAuthorization,
	}
}

func byToken(*testing.T) way {
	return way{
		server:  `authorization { token: right }`,
		worker:  []string{"NATS_TOKEN=right"},
		right:   []nats.Option{nats.Token("right")},
		wrong:   []nats.Option{nats.Token("wrong")},
		refusal: nats.ErrAuthorization,
	}
}

func byNkey(t *testing.T) way {
	right, wrong := newKey(t, nkeys.CreateUser), newKey(t, nkeys.CreateUser)
	file := seedFile(t, right)
	return way{
		server:  fmt.Sprintf(`authorization { users: [{ nkey: %s }] }`, public(t, right)),
		worker:  []string{"NATS_NKEY=" + file},
		right:   []nats.Option{nkeyOption(t, file)},
		wrong:   []nats.Option{nkeyOption(t, seedFile(t, wrong))},
		refusal: nats.ErrAuthorization,
	}
}

func byCredentials(t *testing.T) way {
	operator, account := newKey(t, nkeys.CreateOperator), newKey(t, nkeys.CreateAccount)
	trust := sign(t, jwt.NewOperatorClaims(public(t, operator)), operator)
	id := public(t, account)
	admission := sign(t, jwt.NewAccountClaims(id), operator)
	creds := func(account nkeys.KeyPair) string {
		user := newKey(t, nkeys.CreateUser)
		token := sign(t, jwt.NewUserClaims(public(t, user)), account)
		text, err := jwt.FormatUserConfig(token, seed(t, user))
		if err != nil {
			t.Fatal(err)
		}
		return keep(t, "user.creds", text)
	}
	return way{
		server:  fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s }", trust, id, admission),
		worker:  []string{"NATS_CREDS=" + creds(account)},
		right:   []nats.Option{nats.UserCredentials(creds(account))},
		wrong:   []nats.Option{nats.UserCredentials(creds(newKey(t, nkeys.CreateAccount)))},
		refusal: nats.ErrAuthorization,
	}
}

func byTLS(t *testing.T) way {
	ours, theirs := newAuthority(t), newAuthority(t)
	cert, key := ours.sign(t)
	return way{
		server: fmt.Sprintf("tls { cert_file: %q, key_file: %q }", cert, key),
		worker: []string{"NATS_CA=" + ours.file},
		right:  []nats.Option{nats.RootCAs(ours.file)},
		wrong:  []nats.Option{nats.RootCAs(theirs.file)},
	}
}

func byMutualTLS(t *testing.T) way {
	ours, theirs := newAuthority(t), newAuthority(t)
	cert, key := ours.sign(t)
	known, knownKey := ours.sign(t)
	stranger, strangerKey := theirs.sign(t)
	return way{
		server: fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", cert, key, ours.file),
		worker: []string{"NATS_CA=" + ours.file, "NATS_CERT=" + known, "NATS_KEY=" + knownKey},
		right:  []nats.Option{nats.RootCAs(ours.file), nats.ClientCert(known, knownKey)},
		wrong:  []nats.Option{nats.RootCAs(ours.file), nats.ClientCert(stranger, strangerKey)},
	}
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	id, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func seed(t *testing.T, key nkeys.KeyPair) []byte {
	t.Helper()
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func seedFile(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	return keep(t, "user.nk", seed(t, key))
}

func nkeyOption(t *testing.T, file string) nats.Option {
	t.Helper()
	option, err := nats.NkeyOptionFromSeed(file)
	if err != nil {
		t.Fatal(err)
	}
	return option
}

func sign(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	token, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// keep writes a file of this test.
func keep(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
