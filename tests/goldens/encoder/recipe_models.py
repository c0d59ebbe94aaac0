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
