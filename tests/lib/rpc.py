# SPDX-License-Identifier: AGPL-3.0-or-later
"""rpc: a client not written by us: Debian's grpcio, stubs made by protoc.

The messages are generated into a temporary folder at run time. A method is
called by its name: client.OpenAccount(id=new_id(), address="m1@barcelona").
"""

import atexit
import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

import google

# What refused handshakes make grpcio print is what the tests ask for.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# Tests start programs while calls are under way.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
import grpc  # noqa: E402

SOURCE = os.environ.get("CLEARING_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GRPC_PROTO = "/usr/share/grpc-proto"

# What google/rpc imports: Python has the modules of these two, and Debian
# their .proto files only in a package of C++ headers.
IMPORTED = {
    "any": "message Any { string type_url = 1; bytes value = 2; }",
    "duration": "message Duration { int64 seconds = 1; int32 nanos = 2; }",
}


def _generate():
    folder = tempfile.mkdtemp(prefix="clearing-stubs-")
    atexit.register(shutil.rmtree, folder, True)
    imported = f"{folder}/imported"
    os.makedirs(f"{imported}/google/protobuf")
    for name, text in IMPORTED.items():
        with open(f"{imported}/google/protobuf/{name}.proto", "w",
                  encoding="utf-8") as opened:
            opened.write(f'syntax = "proto3"; package google.protobuf; {text}')
    protos = sorted(glob.glob(f"{SOURCE}/proto/clearing/**/*.proto",
                              recursive=True)
                    + glob.glob(f"{SOURCE}/proto/google/rpc/*.proto"))
    protos += [f"{GRPC_PROTO}/grpc/{name}" for name in (
        "health/v1/health.proto", "reflection/v1/reflection.proto",
        "reflection/v1alpha/reflection.proto")]
    subprocess.run(["protoc", f"-I{SOURCE}/proto", f"-I{GRPC_PROTO}",
                    f"-I{imported}", f"--python_out={folder}", *protos], check=True)
    sys.path.insert(0, folder)
    # Packages that exist already: look for their new parts here, too.
    google.__path__.append(f"{folder}/google")
    grpc.__path__.append(f"{folder}/grpc")
    return folder


STUBS = _generate()


def _load(name):
    return importlib.import_module(name)


common = _load("clearing.v1.common_pb2")
account = _load("clearing.v1.account_pb2")
transfer = _load("clearing.v1.transfer_pb2")
hold = _load("clearing.v1.hold_pb2")
statement = _load("clearing.v1.statement_pb2")
node = _load("clearing.v1.node_pb2")
payment = _load("clearing.v1.payment_pb2")
link = _load("clearing.v1.link_pb2")
journal = _load("clearing.journal.v1.journal_pb2")
links = _load("clearing.link.v1.link_pb2")
receipt = _load("clearing.link.v1.receipt_pb2")
health = _load("grpc.health.v1.health_pb2")
reflection = _load("grpc.reflection.v1.reflection_pb2")
reflection_alpha = _load("grpc.reflection.v1alpha.reflection_pb2")
status_pb2 = _load("google.rpc.status_pb2")
error_details = _load("google.rpc.error_details_pb2")

# "OpenAccount" -> descriptor, over all unary methods.
METHODS = {
    method.name: method
    for module in (_load(f"clearing.v1.{os.path.basename(path)[:-6]}_pb2")
                   for path in sorted(glob.glob(
                       f"{SOURCE}/proto/clearing/v1/*.proto")))
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def message_class(descriptor):
    module = _load(descriptor.file.name[:-len(".proto")].replace("/", ".")
                   + "_pb2")
    return getattr(module, descriptor.name)


def path_of(method):
    return f"/{method.containing_service.full_name}/{method.name}"


def new_id(at=None, tail=None):
    """A UUIDv7; `at` in seconds since 1970, now by default."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    random = bytearray(tail or os.urandom(10))
    random[0] = random[0] & 0x0F | 0x70
    random[2] = random[2] & 0x3F | 0x80
    return milliseconds.to_bytes(6, "big") + bytes(random)


def ref(what):
    """An AccountRef from a number or an address."""
    if isinstance(what, common.AccountRef):
        return what
    if isinstance(what, int):
        return common.AccountRef(id=what)
    return common.AccountRef(address=what)


def item(debit, credit, amount, **fields):
    fields.setdefault("id", new_id())
    return transfer.TransferItem(debit=ref(debit), credit=ref(credit),
                                 amount_minor=amount, **fields)


class Refused(Exception):
    """An RPC that did not answer OK."""

    def __init__(self, code, text, reason, metadata, retry_after):
        super().__init__(f"{code} {reason or ''}: {text}")
        self.code, self.text, self.reason = code, text, reason
        self.metadata, self.retry_after = metadata, retry_after


def refused(error):
    """The Refused of a grpc.RpcError, its details read."""
    reason, metadata, retry_after = None, {}, None
    for name, value in error.trailing_metadata() or ():
        if name != "grpc-status-details-bin":
            continue
        details = status_pb2.Status.FromString(value)
        assert details.code == error.code().value[0], "codes disagree"
        assert details.message == error.details(), "messages disagree"
        for any_detail in details.details:
            info = error_details.ErrorInfo()
            retry = error_details.RetryInfo()
            if any_detail.type_url.endswith("/google.rpc.ErrorInfo"):
                info.ParseFromString(any_detail.value)
                assert info.domain == "clearing.v1", info.domain
                reason, metadata = info.reason, dict(info.metadata)
            elif any_detail.type_url.endswith("/google.rpc.RetryInfo"):
                retry.ParseFromString(any_detail.value)
                retry_after = retry.retry_delay.ToTimedelta()
    return Refused(error.code().name, error.details(), reason, metadata,
                   retry_after)


class Client:
    """A caller with one connection; every method of clearing.v1 by name."""

    def __init__(self, target, ca, certificate=None, options=()):
        with open(ca, "rb") as opened:
            trusted = opened.read()
        chain, key = certificate.bytes() if certificate else (None, None)
        self.channel = grpc.secure_channel(
            target, grpc.ssl_channel_credentials(trusted, key, chain),
            options=[("grpc.use_local_subchannel_pool", 1),
                     ("grpc.enable_http_proxy", 0),
                     ("grpc.initial_reconnect_backoff_ms", 100),
                     ("grpc.max_reconnect_backoff_ms", 500), *options])

    def close(self):
        self.channel.close()

    def raw(self, path, request, timeout=20):
        """Bytes in, bytes out."""
        try:
            return self.channel.unary_unary(path)(request, timeout=timeout)
        except grpc.RpcError as error:
            raise refused(error) from None

    def unary(self, path, request, response, timeout=20):
        return response.FromString(
            self.raw(path, request.SerializeToString(), timeout))

    def __getattr__(self, name):
        if name not in METHODS:
            raise AttributeError(name)
        method = METHODS[name]
        request = message_class(method.input_type)
        response = message_class(method.output_type)

        def call(timeout=20, **fields):
            return self.unary(path_of(method), request(**fields), response,
                              timeout)
        return call

    def health(self, service="", timeout=20):
        answer = self.unary("/grpc.health.v1.Health/Check",
                            health.HealthCheckRequest(service=service),
                            health.HealthCheckResponse, timeout)
        return health.HealthCheckResponse.ServingStatus.Name(answer.status)

    def services(self, version="v1", timeout=20):
        """What reflection lists."""
        module = reflection if version == "v1" else reflection_alpha
        call = self.channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/"
            "ServerReflectionInfo",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=module.ServerReflectionResponse.FromString)
        answers = list(call(iter([module.ServerReflectionRequest(
            list_services="")]), timeout=timeout))
        return [service.name for service
                in answers[0].list_services_response.service]

    # What tests do all the time.

    def open(self, address, limit=0, ceiling=0, **fields):
        fields.setdefault("id", new_id())
        return self.OpenAccount(address=address, credit_limit_minor=limit,
                                balance_ceiling_minor=ceiling,
                                **fields).account_id

    def post(self, *items, timeout=20):
        return self.PostTransfers(transfers=items, timeout=timeout)

    def balance(self, what, **fields):
        return self.GetBalance(account=ref(what), **fields).balance_minor


def refusal_name(number):
    """TRANSFER_REFUSAL_OVER_LIMIT -> "OVER_LIMIT"; 0 -> None."""
    if number == 0:
        return None
    return common.TransferRefusal.Name(number)[len("TRANSFER_REFUSAL_"):]


def outcomes(response):
    return [refusal_name(result.refusal) for result in response.results]
