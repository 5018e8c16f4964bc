//! An operator, an account and users, as `nsc` would make them: JSON claims
//! signed with Ed25519 (github.com/nats-io/jwt, version 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Who signs for whom.
pub(super) struct Operator {
    key: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub(super) fn new() -> Self {
        Self {
            key: KeyPair::new_operator(),
            account: KeyPair::new_account(),
        }
    }

    /// The settings of a server that trusts it.
    pub(super) fn server(&self) -> String {
        let trust = token(
            &self.key,
            &self.key,
            json!({"type": "operator", "version": 2}),
        );
        let unlimited = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1,
            "exports": -1, "wildcards": true, "conn": -1, "leaf": -1});
        let account = token(
            &self.key,
            &self.account,
            json!({"type": "account", "version": 2, "limits": unlimited}),
        );
        let id = self.account.public_key();
        format!("operator: {trust}\nresolver: MEMORY\nresolver_preload: {{ {id}: {account} }}\n")
    }

    /// The credentials file of a new user, with these rights.
    pub(super) fn user(&self, rights: Value) -> String {
        let key = KeyPair::new_user();
        let mut claims =
            json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
        for (name, right) in rights.as_object().into_iter().flatten() {
            claims[name] = right.clone();
        }
        let jwt = token(&self.account, &key, claims);
        let seed = key.seed().expect("a key of our own");
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }
}

/// Claims about `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let (iss, sub) = (issuer.public_key(), subject.public_key());
    let body = part(json!({"iat": 1, "iss": iss, "sub": sub, "name": "test", "nats": claims}));
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).expect("a key of our own");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
