"""compose.yaml, the Dockerfile and config/k8s: what they promise, checked without an engine or a cluster.

`make compose-test` runs the stack; this finds a promise that an edit took back.
"""

import json
import re
import unittest
from pathlib import Path

import lock_model
import yaml

ROOT = Path(__file__).resolve().parent.parent
# Time for the hand-over, the flush and the exit beside the drain itself.
GRACE_MARGIN_SECONDS = 5


def documents(name):
    return [d for d in yaml.safe_load_all((ROOT / name).read_text()) if d]


def listed(container):
    return {entry["name"]: entry for entry in container["env"]}


class Compose(unittest.TestCase):
    def setUp(self):
        (self.stack,) = documents("compose.yaml")
        self.services = self.stack["services"]
        stages = re.split(r"^FROM .* AS (\w[\w-]*)$", (ROOT / "Dockerfile").read_text(), flags=re.M)
        self.stages = dict(zip(stages[1::2], stages[2::2]))

    def test_every_container_is_bounded_and_has_no_rights(self):
        for name, service in self.services.items():
            with self.subTest(service=name):
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertIn("mem_limit", service)
                self.assertNotIn("privileged", service)
                self.assertNotIn("cap_add", service)

    def test_every_image_runs_as_a_user_without_rights(self):
        for name, service in self.services.items():
            with self.subTest(service=name):
                self.assertRegex(self.stages[service["build"]["target"]], r"(?m)^USER 10001:10001$")

    def test_the_grace_exceeds_the_drain(self):
        worker = self.services["worker"]
        grace = int(worker["stop_grace_period"].removesuffix("s"))
        drain = int(worker["environment"]["FASTEMBED_DRAIN_DEADLINE_MS"]) / 1000
        self.assertGreaterEqual(grace, drain + GRACE_MARGIN_SECONDS)

    def test_workers_scale_and_only_the_server_is_published_and_only_here(self):
        self.assertNotIn("container_name", self.services["worker"])
        published = {name: s["ports"] for name, s in self.services.items() if "ports" in s}
        self.assertEqual(list(published), ["nats"])
        for port in published["nats"]:
            self.assertTrue(port.startswith("127.0.0.1:"), port)

    def test_workers_start_after_the_server_and_the_model(self):
        conditions = {name: d["condition"] for name, d in self.services["worker"]["depends_on"].items()}
        self.assertEqual(
            conditions, {"nats": "service_healthy", "models": "service_completed_successfully"}
        )
        self.assertIn("/readyz", str(self.services["worker"]["healthcheck"]["test"]))
        self.assertIn("models:/models:ro", self.services["worker"]["volumes"])
        self.assertIn("models", self.stack["volumes"])

    def test_workers_load_what_was_built_in_and_nothing_else(self):
        self.assertEqual(
            self.services["worker"]["environment"]["FASTEMBED_RUNTIME_LOCKED"], "${FASTEMBED_RUNTIME_LOCKED:-true}"
        )
        (lock,) = re.findall(r"^\s*FASTEMBED_RUNTIME_LOCK=(\S+)$", self.stages["worker"], flags=re.M)
        self.assertIn(f"COPY --from=model /models.lock {Path(lock).parent}/", self.stages["worker"])

    def test_every_user_of_the_server_has_a_password_from_the_environment(self):
        users = re.findall(r"user: (\w+)", (ROOT / "config/nats.conf").read_text())
        environment = self.services["nats"]["environment"]
        self.assertEqual({f"{user.upper()}_PASSWORD" for user in users}, set(environment))
        for user in users:
            name = f"{user.upper()}_PASSWORD"
            self.assertEqual(environment[name], f"'${{NATS_{name}:-{user}}}'")

    def test_every_base_image_can_be_set(self):
        dockerfile = (ROOT / "Dockerfile").read_text()
        arguments = set(re.findall(r"^ARG (\w+)", dockerfile, flags=re.M))
        for name, service in self.services.items():
            self.assertEqual(set(service["build"]["args"]), arguments, name)
        stages = set(re.findall(r" AS (\S+)$", dockerfile, flags=re.M))
        for base in re.findall(r"^FROM (\S+)", dockerfile, flags=re.M):
            self.assertTrue(base in stages or base.strip("${}") in arguments, base)


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.deployment, self.budget = documents("config/k8s/worker.yaml")
        self.pod = self.deployment["spec"]["template"]["spec"]
        (self.worker,) = self.pod["containers"]

    def test_the_grace_exceeds_the_drain(self):
        drain = int(listed(self.worker)["FASTEMBED_DRAIN_DEADLINE_MS"]["value"]) / 1000
        self.assertGreaterEqual(self.pod["terminationGracePeriodSeconds"], drain + GRACE_MARGIN_SECONDS)

    def test_labels_agree(self):
        labels = self.deployment["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(self.deployment["spec"]["selector"]["matchLabels"], labels)
        self.assertLessEqual(self.budget["spec"]["selector"]["matchLabels"].items(), labels.items())

    def test_probes_ask_the_workers_own_port(self):
        port = listed(self.worker)["FASTEMBED_HTTP_LISTEN"]["value"].removeprefix("0.0.0.0:")
        self.assertEqual([p["containerPort"] for p in self.worker["ports"]], [int(port)])
        paths = {k: p["httpGet"]["path"] for k, p in self.worker.items() if k.endswith("Probe")}
        self.assertEqual(
            paths, {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
        )

    def test_every_container_is_bounded_and_has_no_rights(self):
        context = self.pod["securityContext"]
        self.assertIs(context["runAsNonRoot"], True)
        self.assertEqual(context["runAsUser"], 10001)
        self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertIs(self.pod["automountServiceAccountToken"], False)
        for container in [self.worker, *self.pod["initContainers"]]:
            with self.subTest(container=container["name"]):
                bounds = container["securityContext"]
                self.assertIs(bounds["allowPrivilegeEscalation"], False)
                self.assertIs(bounds["readOnlyRootFilesystem"], True)
                self.assertEqual(bounds["capabilities"], {"drop": ["ALL"]})
                self.assertIn("memory", container["resources"]["limits"])
                self.assertNotIn("privileged", bounds)

    def test_nothing_is_put_into_the_environment_that_the_worker_would_refuse(self):
        self.assertIs(self.pod["enableServiceLinks"], False)

    def test_credentials_come_from_the_secret_of_the_example(self):
        (secret,) = documents("config/k8s/secret.example.yaml")
        for name, key in {"NATS_USER": "user", "NATS_PASSWORD": "password"}.items():
            entry = listed(self.worker)[name]
            self.assertNotIn("value", entry)
            self.assertEqual(
                entry["valueFrom"]["secretKeyRef"], {"name": secret["metadata"]["name"], "key": key}
            )
            self.assertIn(key, secret["stringData"])

    def test_the_kustomization_names_what_is_there(self):
        (kustomization,) = documents("config/k8s/kustomization.yaml")
        self.assertEqual(kustomization["resources"], ["worker.yaml"])


class Lock(unittest.TestCase):
    def test_an_image_pins_the_hubs_files_as_the_repository_does(self):
        model = json.loads((ROOT / "tools/pins.json").read_text())["model"]
        made = lock_model.document(model["repo"], model["revision"], model["files"])
        self.assertTrue((ROOT / "config/models.lock").read_text().endswith(f"\n{made}"), made)


class Settings(unittest.TestCase):
    def test_every_variable_sets_something(self):
        """A variable that the worker does not know makes it exit 64; the default configuration has every key."""
        known = set()
        for line in (ROOT / "config/worker.toml").read_text().splitlines():
            if section := re.match(r"\[(\w+)\]", line):
                prefix = section.group(1)
            elif key := re.match(r"(\w+) = ", line):
                known.add(f"FASTEMBED_{prefix}_{key.group(1)}".upper())
        (stack,) = documents("compose.yaml")
        deployment, _ = documents("config/k8s/worker.yaml")
        used = set(stack["services"]["worker"]["environment"])
        used |= set(listed(deployment["spec"]["template"]["spec"]["containers"][0]))
        self.assertEqual({name for name in used if name.startswith("FASTEMBED_")} - known, set())


if __name__ == "__main__":
    unittest.main()
