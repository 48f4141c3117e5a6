"""Tiny-attention adapters for transformers: the base, the adapter's modules and its classifier.

Beside this file stands either a checkpoint that carries an adapter, or an adapter alone, whose base
config.json names. Both load as:

    AutoModelForSequenceClassification.from_pretrained(here, trust_remote_code=True)

The folder is read by tinygraft too, which made this file.
"""

import inspect
import math

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import cached_file

# The adapter's tensors by their own names, or what save_pretrained wrote: all, below the prefix.
WEIGHTS = ("adapter_model.safetensors", "model.safetensors")
# What says which file is meant; the rest of the arguments says how it is loaded.
HUB_ARGUMENTS = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "token")


class TinyAttentionConfig(PreTrainedConfig):
    """The config of an adapter alone: `tiny_attention` holds it, and names the base."""

    model_type = "tiny_attention"


class TinyAttention(nn.Module):
    """One layer's module: what its narrow heads add to what the base computed."""

    def __init__(self, settings: dict, index: int):
        super().__init__()
        heads, hidden = settings["num_heads"], settings["hidden_size"]
        self.heads = heads if isinstance(heads, int) else heads[index]
        self.scale = 1.0 if settings["combine"] == "sum" else 1.0 / self.heads
        width = self.heads * settings["head_dim"]
        self.norm = nn.LayerNorm(hidden, eps=settings["layer_norm_eps"])
        self.query = nn.Linear(hidden, width)
        self.key = nn.Linear(hidden, width)
        self.value = nn.Linear(hidden, width)
        self.output = nn.Linear(width, hidden)
        self.blocked = None  # set before every pass: what is added to scores, [rows, 1, 1, tokens]
        self.added = None  # the update, from where it is computed to where it is added

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps what the module reads, [rows, tokens, hidden], to the update."""
        rows, tokens, _ = x.shape
        u = self.norm(x)
        q, k, v = (
            linear(u).view(rows, tokens, self.heads, -1).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        z = (scores + self.blocked).softmax(-1) @ v
        z = z.transpose(1, 2).reshape(rows, tokens, -1)
        return self.scale * F.linear(z, self.output.weight) + self.output.bias

    def read_output(self, _site, _inputs, a: torch.Tensor) -> None:
        """The hook on the LayerNorm whose output the module reads."""
        self.added = self(a)

    def read_input(self, _layer, args: tuple, kwargs: dict) -> None:
        """The hook on the layer whose input the module reads, for placements beside a block."""
        self.added = self(args[0] if args else next(iter(kwargs.values())))

    def join(self, _site, _inputs, y: torch.Tensor) -> torch.Tensor:
        """The hook on the LayerNorm whose output the update is added to."""
        added, self.added = self.added, None
        return y + added

    def hook(self, encoder: nn.Module, reads: str, joins: str, layer: str) -> None:
        """Puts the module in its place: `reads` is the layer or one of its LayerNorms, as `joins`."""
        if reads == layer:
            encoder.get_submodule(reads).register_forward_pre_hook(
                self.read_input, with_kwargs=True
            )
        else:
            encoder.get_submodule(reads).register_forward_hook(self.read_output)
        encoder.get_submodule(joins).register_forward_hook(self.join)


class TinyAttentionForSequenceClassification(PreTrainedModel):
    """An encoder with a tiny-attention adapter, and a linear classifier on the first token."""

    config_class = TinyAttentionConfig
    # Heads that the base was trained with are not run.
    _keys_to_ignore_on_load_unexpected = [".*"]

    def __init__(self, config: PreTrainedConfig, encoder: PreTrainedModel | None = None):
        super().__init__(config)
        if encoder is None:
            is_alone = isinstance(config, TinyAttentionConfig)
            inner = base_config(config) if is_alone else config
            encoder = AutoModel.from_config(inner, **without_pooler(config))
        # The names of tensors are those of the checkpoint: the base's own, below its prefix.
        self.base_model_prefix = encoder.base_model_prefix
        setattr(self, self.base_model_prefix, encoder)
        settings = config.tiny_attention
        for index, (path, reads, joins) in enumerate(config.tiny_attention_sites):
            module = TinyAttention(settings, index)
            layer, _, name = path.rpartition(".")
            encoder.get_submodule(layer).add_module(name, module)
            module.hook(encoder, reads, joins, layer)
        self.classifier = nn.Linear(settings["hidden_size"], config.num_labels)
        self.post_init()

    @classmethod
    def from_pretrained(cls, name, *args, config=None, **kwargs):
        """Loads in float32 unless told otherwise, as the adapter was made and measured so."""
        kwargs.setdefault("dtype", torch.float32)
        if isinstance(config, TinyAttentionConfig):
            return cls._adapt_base(name, config, **kwargs)
        wants_report = kwargs.pop("output_loading_info", False)
        kwargs["output_loading_info"] = True
        model, report = super().from_pretrained(name, *args, config=config, **kwargs)
        refuse_missing(report["missing_keys"], name)
        return (model, report) if wants_report else model

    @classmethod
    def _adapt_base(cls, name, config, dtype=torch.float32, output_loading_info=False, **kwargs):
        hub = {key: kwargs[key] for key in HUB_ARGUMENTS if key in kwargs}
        hub["subfolder"] = kwargs.get("subfolder", "")
        # The revision is that of the adapter; the base is another repository.
        rest = {key: value for key, value in hub.items() if key not in ("revision", "subfolder")}
        for key in ("device_map", "quantization_config"):
            if kwargs.get(key) is not None:
                raise ValueError(f'Cannot load the adapter "{name}" with {key}: move it afterwards')
        if kwargs.get("attn_implementation") is not None:
            rest["attn_implementation"] = kwargs["attn_implementation"]
        base = config.tiny_attention["base_model_name_or_path"]
        encoder = AutoModel.from_pretrained(
            base, dtype=dtype, **without_pooler(config), **rest
        )
        model = cls(config, encoder)
        prefix = f"{model.base_model_prefix}."
        full = lambda key: key if key.startswith(("classifier.", prefix)) else prefix + key
        own = {full(key): value for key, value in read_weights(name, hub).items()}
        adapted = {key for key in model.state_dict() if not is_of_base(key, config, prefix)}
        refuse_missing(adapted - own.keys(), name)
        model.load_state_dict(own, strict=False)
        model = model.to(encoder.dtype).eval()
        report = {"missing_keys": set(), "unexpected_keys": set(own) - adapted}
        return (model, report) if output_loading_info else model

    def _init_weights(self, module):
        """Leaves values alone: every one is loaded, or loading fails."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs,
    ) -> SequenceClassifierOutput:
        """Returns logits [rows, labels], and the loss where labels are given."""
        kwargs.pop("return_dict", None)
        given = input_ids if inputs_embeds is None else inputs_embeds
        if attention_mask is None:
            attention_mask = torch.ones(given.shape[:2], dtype=torch.long, device=given.device)
        dtype = self.classifier.weight.dtype
        blocked = (1.0 - attention_mask[:, None, None, :].to(dtype)) * torch.finfo(dtype).min
        encoder = getattr(self, self.base_model_prefix)
        for path, *_ in self.config.tiny_attention_sites:
            encoder.get_submodule(path).blocked = blocked
        takes_types = "token_type_ids" in inspect.signature(encoder.forward).parameters
        if token_type_ids is not None and takes_types:
            kwargs["token_type_ids"] = token_type_ids
        if inputs_embeds is not None:
            kwargs["inputs_embeds"] = inputs_embeds
        out = encoder(input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        logits = self.classifier(out.last_hidden_state[:, 0])
        loss = None if labels is None else self._loss(logits, labels)
        return SequenceClassifierOutput(
            loss=loss,
            logits=logits,
            hidden_states=out.get("hidden_states"),
            attentions=out.get("attentions"),
        )

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.config.tiny_attention["task"]["type"] == "regression":
            return F.mse_loss(logits.squeeze(-1), labels.to(logits.dtype))
        return F.cross_entropy(logits, labels)


def base_config(config: TinyAttentionConfig) -> PreTrainedConfig:
    return AutoConfig.from_pretrained(config.tiny_attention["base_model_name_or_path"])


def without_pooler(config: PreTrainedConfig) -> dict:
    """The classifier reads a hidden state; a pooler, where the base can have one, is not run."""
    has_none = config.tiny_attention["base_model_type"] in ("distilbert", "electra")
    return {} if has_none else {"add_pooling_layer": False}


def read_weights(name: str, hub: dict) -> dict[str, torch.Tensor]:
    for weights in WEIGHTS:
        path = cached_file(name, weights, _raise_exceptions_for_missing_entries=False, **hub)
        if path is not None:
            return load_file(path)
    raise ValueError(f'Cannot load "{name}": it has none of {", ".join(WEIGHTS)}')


def is_of_base(key: str, config: PreTrainedConfig, prefix: str) -> bool:
    paths = [f"{prefix}{path}." for path, *_ in config.tiny_attention_sites]
    return not key.startswith(("classifier.", *paths))


def refuse_missing(missing, name: str) -> None:
    if missing:
        raise ValueError(f'Cannot load "{name}": it lacks {", ".join(sorted(missing)[:5])}')
