"""Settings of modules. They may be changed at any time, and every change is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from torch import Tensor, nn

T = TypeVar("T")


class Setting(Generic[T]):
    """A setting of an :class:`Activation`.

    A setting that gives the start value of a learned parameter cannot be changed while that parameter is learned.
    """

    def __init__(self, learned: bool = False) -> None:
        self.learned = learned

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, module: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, module: Activation, owner: type) -> T: ...
    def __get__(self, module: Activation | None, owner: type) -> Setting[T] | T:
        if module is None:
            return self
        value: T = module._settings[self.name]
        return value

    def __set__(self, module: Activation, value: T) -> None:
        if self.learned and module.learnable:
            raise AttributeError(f"{self.name} cannot be changed to {value!r}: it is learned; change the parameter")
        module._settle(module._settings | {self.name: value})


class Activation(nn.Module):
    """Base of this package's modules. ``_checked`` checks the settings, ``_derived`` computes what depends on them."""

    if TYPE_CHECKING:  # gives a call a type; torch.jit.script cannot read string annotations
        learnable: bool
        _settings: dict[str, Any]

        def __call__(self, x: Tensor) -> Tensor: ...

    def _settle(self, settings: dict[str, Any]) -> None:
        """Check and take over all settings and what depends on them. If one is wrong, none changes."""
        checked = self._checked(settings)
        derived = self._derived(checked)
        self._settings = checked
        for name, value in derived.items():
            setattr(self, name, value)

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def _derived(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _shown(self) -> dict[str, Any]:
        """The settings that ``repr`` shows."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        return ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v!r}" for k, v in self._shown().items())

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Load a scale without dimensions, as older versions saved it, as one element."""
        for name in self._parameters:
            saved = state_dict.get(prefix + name)
            if isinstance(saved, Tensor) and saved.dim() == 0:
                state_dict[prefix + name] = saved.reshape(1)
        super()._load_from_state_dict(state_dict, prefix, *args)
