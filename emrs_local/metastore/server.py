"""The metastore of one job run, on a port of the loopback interface."""

from __future__ import annotations

import hmac
import inspect
import logging
import re
import secrets
import socketserver
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pymetastore.hive_metastore import ThriftHiveMetastore, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TApplicationException, TException, TMessageType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TTransportException

from emrs_local.metastore.catalog import Catalog, message_of

_HOST: Final = "127.0.0.1"
_BUFFER_BYTES: Final = 64 * 1024
# Variants of a method, with arguments after its own that say nothing to the catalog.
_VARIANT: Final = re.compile("_with_(environment_context|auth)$")
_logger = logging.getLogger(__name__)


class MetastoreServer:
    """Answers the clients of one job run, with the credentials of the run; others do not know its secret.

    Args:
        catalog: What it answers from.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._secret = secrets.token_hex(16)
        connection = type("_BoundConnection", (_Connection,), {"calls": _Calls(catalog), "secret": self._secret})
        self._server = _Server((_HOST, 0), connection)
        threading.Thread(target=self._server.serve_forever, name="metastore", daemon=True).start()

    @property
    def address(self) -> str:
        """Its `hive.metastore.uris`."""
        return f"thrift://{_HOST}:{self._server.server_address[1]}"

    @property
    def secret(self) -> str:
        """The group that a client's user has to be in."""
        return self._secret

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class _Calls:
    """The methods of a catalog, with their errors as the metastore has them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._has_default_database = False

    def call(self, name: str, arguments: Any, result: Any) -> None:
        """Call a method and put what it returns or raises into a result.

        Raises:
            TApplicationException: There is no such method.
        """
        method: Callable[..., Any] | None = getattr(self._catalog, _VARIANT.sub("", name), None)
        if method is None:
            raise TApplicationException(TApplicationException.UNKNOWN_METHOD, f"the local metastore has no {name}")
        try:
            self._make_default_database()
            taken = len(inspect.signature(method).parameters)
            result.success = method(*_members(arguments)[:taken])
        except TApplicationException:
            raise
        except (TException, ClientError, BotoCoreError) as error:
            _put_error(result, error)

    def _make_default_database(self) -> None:
        with self._lock:
            if not self._has_default_database:
                self._catalog.make_default_database()
                self._has_default_database = True


class _Connection(socketserver.BaseRequestHandler):
    calls: _Calls
    secret: str

    def handle(self) -> None:
        socket = TSocket()
        socket.setHandle(self.request)
        protocol = TBinaryProtocolAccelerated(TBufferedTransport(socket, _BUFFER_BYTES))
        known = False
        try:
            while True:
                known = self._answer_one(protocol, known=known)
        except (TTransportException, OSError):
            return  # the client has gone

    def _answer_one(self, protocol: Any, *, known: bool) -> bool:
        name, _, number = protocol.readMessageBegin()
        arguments_type = getattr(ThriftHiveMetastore, f"{name}_args", None)
        if arguments_type is None:
            raise TTransportException(message=f"{name} is no method")  # such as `shutdown`, with which a client goes
        arguments = arguments_type()
        arguments.read(protocol)
        protocol.readMessageEnd()
        kind, answer = TMessageType.REPLY, getattr(ThriftHiveMetastore, f"{name}_result")()
        try:
            if name == "set_ugi":
                known = any(hmac.compare_digest(group, self.secret) for group in arguments.group_names)
                answer.success = [arguments.user_name]
            elif known:
                self.calls.call(name, arguments, answer)
            else:
                _put_error(answer, ttypes.MetaException(message="this is the metastore of another job run"))
        except Exception as error:
            _logger.exception("%s", name)
            kind, answer = TMessageType.EXCEPTION, _unexpected(error)
        protocol.writeMessageBegin(name, kind, number)
        answer.write(protocol)
        protocol.writeMessageEnd()
        protocol.trans.flush()
        return known


def _unexpected(error: Exception) -> Any:
    if isinstance(error, TApplicationException):
        return error
    return TApplicationException(TApplicationException.INTERNAL_ERROR, f"{type(error).__name__}: {error}")


def _members(arguments: Any) -> list[Any]:
    return [getattr(arguments, member[2]) for member in arguments.thrift_spec if member]


_EXCEPTION_OF_CODE: Final[Mapping[str, type[Any]]] = {
    "AlreadyExistsException": ttypes.AlreadyExistsException,
    "EntityNotFoundException": ttypes.NoSuchObjectException,
    "InvalidInputException": ttypes.InvalidObjectException,
}


def _put_error(result: Any, error: Exception) -> None:
    """Put an error into a result, as one of those that the method may raise."""
    if isinstance(error, ClientError):
        found = _EXCEPTION_OF_CODE.get(error.response["Error"]["Code"], ttypes.MetaException)
        error = found(message=message_of(error))
    elif isinstance(error, BotoCoreError):
        error = ttypes.MetaException(message=str(error))
    may_be_raised = {member[3][0]: member[2] for member in result.thrift_spec if member and member[0] > 0}
    member = may_be_raised.get(type(error))
    if member is None and ttypes.MetaException in may_be_raised:
        member, error = (
            may_be_raised[ttypes.MetaException],
            ttypes.MetaException(message=getattr(error, "message", str(error))),
        )
    if member is None:
        raise error
    setattr(result, member, error)
