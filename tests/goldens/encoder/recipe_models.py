"""Encoders that transformers has no class for, or not with the settings that are published, written for the goldens."""

import torch
import transformers


class NewConfig(transformers.GteConfig):
    """The `model_type` that mGTE is published under. Its graph is that of transformers' GTE but for the scaling of angles."""

    model_type = "new"

    def __init__(self, rope_theta=10000.0, rope_scaling=None, **settings):
        super().__init__(rope_parameters={"rope_type": "default", "rope_theta": rope_theta}, **settings)
        self.ntk_factor = rope_scaling["factor"] if rope_scaling else 1.0


class NewModel(transformers.GteModel):
    """NTK-aware scaling (https://kexue.fm/archives/9706), equation 6: the base is `factor` times as large, and every angle is divided by
    `factor ** (2 / dim)`."""

    config_class = NewConfig

    def __init__(self, config):
        super().__init__(config, add_pooling_layer=True)
        size, factor = config.hidden_size // config.num_attention_heads, config.ntk_factor
        exponents = torch.arange(0, size, 2, dtype=torch.float) / size
        base = config.rope_parameters["rope_theta"] * factor
        self.rotary_emb.inv_freq.copy_(1.0 / base**exponents / factor ** (2 / size))

    # Names here and there, and the parameters that are one there.
    RENAMED = {"layers.": "encoder.layer.", "self_attn.o_proj.": "attention.o_proj.", "post_attention_layernorm.": "attn_ln.",
               "post_mlp_layernorm.": "mlp_ln."}
    JOINED = {"attention.qkv_proj.": ["self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."],
              "mlp.up_gate_proj.": ["mlp.up_proj.", "mlp.gate_proj."]}

    def published(self, state):
        """The weights under the publisher's names."""
        weights = {}
        for name, tensor in state.items():
            for here, there in self.RENAMED.items():
                name = name.replace(here, there)
            weights[name] = tensor
        for whole, parts in self.JOINED.items():
            for name in [name for name in weights if parts[0] in name]:
                pieces = [weights.pop(name.replace(parts[0], part)) for part in parts]
                weights[name.replace(parts[0], whole)] = torch.cat(pieces)
        return weights

    def unpublished(self, stored):
        """The other way round, without the prefix of a model with a head."""
        weights = {}
        for name, tensor in stored.items():
            name = name.removeprefix("new.")
            for here, there in self.RENAMED.items():
                name = name.replace(there, here)
            whole = next((whole for whole in self.JOINED if whole in name), None)
            parts = self.JOINED.get(whole, [])
            for part, piece in zip(parts, tensor.chunk(len(parts) or 1)):
                weights[name.replace(whole, part)] = piece
            if not parts:
                weights[name] = tensor
        return weights


transformers.AutoConfig.register("new", NewConfig)
transformers.AutoModel.register(NewConfig, NewModel)


class NeoBertConfig(transformers.PreTrainedConfig):
    model_type = "neobert"

    def __init__(self, vocab_size=30522, hidden_size=768, num_hidden_layers=28, num_attention_heads=12, intermediate_size=3072,
                 max_length=1024, norm_eps=1e-6, pad_token_id=0, **settings):
        super().__init__(**settings)
        self.vocab_size, self.hidden_size, self.num_hidden_layers = vocab_size, hidden_size, num_hidden_layers
        self.num_attention_heads, self.intermediate_size = num_attention_heads, intermediate_size
        self.max_length, self.norm_eps, self.pad_token_id = max_length, norm_eps, pad_token_id


class SwiGlu(torch.nn.Module):
    """xformers' layout: the gate is the first half of one product."""

    def __init__(self, hidden, inner):
        super().__init__()
        self.w12 = torch.nn.Linear(hidden, 2 * inner, bias=False)
        self.w3 = torch.nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(torch.nn.functional.silu(gate) * value)


def neighbours_turned(part, angles):
    """A pair of neighbours is a complex number, turned by its place."""
    turns = torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(torch.view_as_complex(part.unflatten(-1, (-1, 2)).contiguous()) * turns).flatten(-2)


class NeoBertLayer(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, self.heads = config.hidden_size, config.num_attention_heads
        self.is_fused = config._attn_implementation == "sdpa"
        self.qkv = torch.nn.Linear(hidden, 3 * hidden, bias=False)
        self.wo = torch.nn.Linear(hidden, hidden, bias=False)
        # Two thirds, up to a multiple of 8.
        self.ffn = SwiGlu(hidden, -(-(2 * config.intermediate_size // 3) // 8) * 8)
        self.attention_norm = torch.nn.RMSNorm(hidden, config.norm_eps)
        self.ffn_norm = torch.nn.RMSNorm(hidden, config.norm_eps)

    def forward(self, x, mask, angles):
        batch, length, hidden = x.shape
        # [batch, seq, heads, 3 * head]: the three of a head stand side by side.
        product = self.qkv(self.attention_norm(x)).view(batch, length, self.heads, -1).transpose(1, 2)
        query, key, value = product.chunk(3, dim=-1)
        query, key = neighbours_turned(query, angles), neighbours_turned(key, angles)
        is_padding = mask[:, None, None, :] == 0
        if self.is_fused:
            context = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=~is_padding)
        else:
            scores = query @ key.transpose(-1, -2) / value.shape[-1] ** 0.5
            context = scores.masked_fill(is_padding, float("-inf")).softmax(-1) @ value
        x = x + self.wo(context.transpose(1, 2).reshape(batch, length, hidden))
        return x + self.ffn(self.ffn_norm(x))


class NeoBertModel(transformers.PreTrainedModel):
    """NeoBERT, whose own code is on the hub (https://huggingface.co/chandar-lab/NeoBERT): written after its paper and weights."""

    config_class = NeoBertConfig
    base_model_prefix = "model"
    _supports_attention_backend = True
    _supports_sdpa = True

    def __init__(self, config):
        super().__init__(config)
        self.encoder = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.transformer_encoder = torch.nn.ModuleList(NeoBertLayer(config) for _ in range(config.num_hidden_layers))
        self.layer_norm = torch.nn.RMSNorm(config.hidden_size, config.norm_eps)
        self.post_init()

    def forward(self, input_ids, attention_mask, output_hidden_states=False):
        size = self.config.hidden_size // self.config.num_attention_heads
        angles = torch.outer(torch.arange(input_ids.shape[1]).float(), 1.0 / 10000.0 ** (torch.arange(0, size, 2).float() / size))
        states = [self.encoder(input_ids)]
        for layer in self.transformer_encoder:
            states.append(layer(states[-1], attention_mask, angles))
        states[-1] = self.layer_norm(states[-1])
        return transformers.modeling_outputs.BaseModelOutput(states[-1], tuple(states) if output_hidden_states else None)


transformers.AutoConfig.register("neobert", NeoBertConfig)
transformers.AutoModel.register(NeoBertConfig, NeoBertModel)
