// Published chat templates by the hash of their text; the texts belong to their authors and are not
// kept here. Each was run by Jinja on generated conversations, and rendered what its form does.
// Most stand here twice: newlines in Jinja's strings are written as such in some files and as \n in
// others. "TRL ..." are the same with marks around what the model produces, as that library has
// them.
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/tokenizer/chat_form.h"

namespace ropewalk {
namespace {

struct KnownTemplate {
  std::string_view hash;
  std::string_view form;
};

constexpr KnownTemplate kKnownTemplates[] = {
    // Qwen/Qwen3-*-Instruct-2507
    {"cc9ddd5a40bc1c0c8fb5d937b1e8f5d0", "chatml"},
    {"2358eae13be98a7ba04c0d765923822c", "chatml"},
    // TRL qwen3_instruct_2507_training
    {"650a224c70ea8e2795236ee761b6c691", "chatml"},
    {"9f117cc12a4ede1ea11e5c229baddc8f", "chatml"},
    // teknium/OpenHermes-2.5-Mistral-7B and many
    {"577a7fce73f72e1ee2be9fd6966bb5eb", "chatml"},
    {"f0a6a8278439fdb056191e205a440263", "chatml"},
    // 01-ai/Yi-34B-Chat
    {"7a128e0473e4be90846f9032c2079ea2", "chatml"},
    {"a344e8c84fb0282dda206a9e46a4ac01", "chatml"},
    // the same, pretty-printed
    {"e8c4f4524d1bf31c20df0b525918c31f", "chatml"},
    {"5440520e3903fd098c817335f3a2f6cd", "chatml"},
    // internlm/internlm2-chat-*
    {"bdd805d375c5034673d54a8931dd4fc5", "chatml-bos"},
    {"c6a18602aba19e91dc021ed49488fd47", "chatml-bos"},
    // Qwen/Qwen1.5-*
    {"5e2c14b656a8e5628dc1c6775f9ced80", "qwen1.5"},
    {"68c860e7356f7ab320f20c2b5139eaee", "qwen1.5"},
    // Qwen/Qwen2-*-Instruct
    {"7c4c17cbc95b1d56c79034a9d5f0ae58", "qwen2"},
    {"e580c2da83415028d5d943bd0bd9082f", "qwen2"},
    // Qwen/Qwen2.5-* (base): the next one with this message
    {"0fe61c920a9d3925c31e98db8c19d1d3", "qwen2"},
    {"38a80c450ee0db641dc335944ecff1a0", "qwen2"},
    // Qwen/Qwen2.5-*-Instruct
    {"e392aa06018503fd2469c9508f79506e", "qwen2.5"},
    {"e3c699cb55b0c32df9a29021c9d093ad", "qwen2.5"},
    // TRL qwen2_5_training
    {"bf4790988fe77f85e44712543961e79d", "qwen2.5"},
    {"28e53c934fa2bd305c3f1a53fb89828f", "qwen2.5"},
    // Qwen/Qwen2.5-Math-*-Instruct: the one above with this message
    {"b1b920f93fbb74f2c6edd04ed56ba18c", "qwen2.5-math"},
    {"1a34baef41fc1c63df737c161336d49d", "qwen2.5-math"},
    // HuggingFaceTB/SmolLM2-*-Instruct
    {"f0323af61a5d6e2383059ddcb62b07a0", "smollm2"},
    {"98f63cc3d421d28f99ab995e9629dacd", "smollm2"},
    // microsoft/phi-4
    {"a50143285cdef922bc5711ad3f99d670", "phi4"},
    // meta-llama/Llama-2-7b-chat-hf
    {"4adb1f81f5c508ea24f6d97f87d647f5", "llama2"},
    {"97aac26c37e4a675cb7c5112dfc4a3b0", "llama2"},
    // meta-llama/Meta-Llama-3-*-Instruct
    {"09facc0e4aa943189799ad6e2dea0594", "llama3"},
    {"11cc8d79e9815d5c866fc8fa50da12fe", "llama3"},
    // TRL llama3_training
    {"532eb21cf48abd2694713d122b6c7113", "llama3"},
    {"7d1249446682b64b2ebf1bbd3466e452", "llama3"},
    // the same, always with the header of an answer behind
    {"8f20b9eda669ce10b97891b7adc1beb8", "llama3"},
    {"0debe51b618cd79280e4830e93c6d9f7", "llama3"},
    // meta-llama/Llama-3.1-*-Instruct, Llama-3.3-*-Instruct
    {"9ddcd6cd71f96dd76ca7779b7730196a", "llama3.1"},
    {"e3c791a7d93a3bd60e77b55d04f97f50", "llama3.1"},
    // meta-llama/Llama-3.2-*-Instruct
    {"573e1bcc8c56f178c3d57e38f5ff0756", "llama3.1"},
    {"51839d38c9ee4e80ba28f0d41aa45594", "llama3.1"},
    // mistralai/Mistral-7B-Instruct-v0.1
    {"70bf874ad98f31f4b7f52373b11c60d7", "mistral-v0.1"},
    // mistralai/Mixtral-8x7B-Instruct-v0.1, Mistral-7B-Instruct-v0.2
    {"f395fc5daa794129a5d004210ebce758", "mistral-v0.2"},
    // mistralai/Mixtral-8x22B-Instruct-v0.1
    {"55c3395246ee99a4f148bc479cb6f9a8", "mixtral-8x22b"},
    // mistralai/Mistral-7B-Instruct-v0.2, later
    {"6aef58edf0d62df9f89cfc57f651ff3d", "mistral-v1"},
    {"f6cb637204cad978fa42ef759a4066ef", "mistral-v1"},
    // mistralai/Mistral-7B-Instruct-v0.3, Codestral
    {"c7c5aba43d0f450f797fff16f26a5c01", "mistral-v3"},
    {"1ed016ede57b4b1f8359bba3e63b822b", "mistral-v3"},
    // mistralai/Mistral-Large-Instruct-2407
    {"df3ebcd92fa9a63fc6614466504d495b", "mistral-large-2407"},
    {"272f380facdb6472da83cc145815d4a5", "mistral-large-2407"},
    // mistralai/Mistral-Nemo-Instruct-2407
    {"638e5c8b05f6278ccae647ce0048756b", "mistral-nemo"},
    {"a3aeb10f2278a2a5a5438a4278f4c2ee", "mistral-nemo"},
    // mistralai/Mistral-Large-Instruct-2411
    {"5b658f89dcb1716f11381d1c62000f60", "mistral-v7"},
    // google/gemma-*-it, google/gemma-2-*-it
    {"8b30bb763d138e692c2e86beabccd2a4", "gemma"},
    {"3e5cd793cecbf962344edb205734f341", "gemma"},
    // TRL gemma_training
    {"a1e0c07cee2dbe3ea46b004d636bd6d1", "gemma"},
    {"b9c6932590955c88a817dbca75477b99", "gemma"},
    // google/gemma-3-*-it
    {"6c84c2da794fd4c1d9c620dcaf86f38d", "gemma3"},
    {"b273f4af11a32b5ed927416abefac232", "gemma3"},
    // TRL gemma3_training
    {"676bc7996314a2bcf04f5b928a8152fc", "gemma3"},
    {"43139373e064c88eb8025d2ed1726f6d", "gemma3"},
    {"aa3d57db1f820ce488e3f3dc82be0230", "gemma3"},
    // microsoft/Phi-3-mini-*-instruct
    {"0850c77e9e7c37ed82fc89c04c54ba66", "phi3"},
    {"63b7f5a9d64cae9b94a6330d43aa662a", "phi3"},
    // TRL phi3_training
    {"347ca7af5063ae9ba05c974c13502d5d", "phi3"},
    {"3f7dc4b2d87f764f6974d262653fb6b3", "phi3"},
    // microsoft/Phi-3.5-mini-instruct
    {"ceaa31b1554ec3f5cd8aff863abd4554", "phi3.5"},
    {"a1551dd94cfdabed57b9f91cf031b03a", "phi3.5"},
    // TRL phi3_5_training
    {"42d17094c286c0e68fe82f9951589d2f", "phi3.5"},
    {"d965effdb5c6012658f44aa25576b497", "phi3.5"},
    // microsoft/Phi-3-small-*-instruct
    {"20e9cea1a7644d46d9ff60406e86ad00", "phi3-small"},
    {"599bd93b30c5ca9ad2da170e19db062d", "phi3-small"},
    // microsoft/Phi-3-mini-*-instruct, first
    {"a2ff678db9487565551cbfd01fcc4680", "phi3-mini-first"},
    {"8d64dd66eeabc85414d4394ea06f86ed", "phi3-mini-first"},
    // microsoft/Phi-3-medium-*-instruct
    {"0b9480710b6dc326874eeb59684ce46e", "phi3-medium-first"},
    {"cd7dfc80fc7f685152edc2ec9a3bb104", "phi3-medium-first"},
    // HuggingFaceH4/zephyr-7b-beta, TinyLlama-1.1B-Chat
    {"5c929235d1675dbfd9fe74edcb57aa82", "zephyr"},
    {"5ae4edc1a6c08aa61db34e9fc60441d8", "zephyr"},
    // deepseek-ai/DeepSeek-V2-Chat
    {"87e1980108b40447f64ecff9c8ef587d", "deepseek-v2"},
    {"f5298f3f76e6c27faccdd56957c43587", "deepseek-v2"},
    // ibm-granite/granite-3.0-*-instruct
    {"54581ea7c7166920ad20145afdf4bf61", "granite3"},
    {"3f6c99fb28dafcf5c420578c21c4e98c", "granite3"},
    // CohereLabs/aya-expanse-*
    {"b4c4d412caedff3162507bcd2e3bf746", "command-r"},
    // TRL cohere_training
    {"76975f77566d5e860b14739236e3a978", "command-r"},
    // CohereForAI/c4ai-command-r-plus
    {"6557fc82f3059a7bcbe1fb1355c00728", "command-r"},
    // openchat/openchat-3.5-*
    {"dad915b146bfa1ee3885e6de6675991a", "openchat"},
    // tests/python/chat_templates.py
    {"288ec819e9f71e8c69dc6cb738639d23", "chatml"},
    {"fe144403b4f2b001d0e5ebbcaba97f73", "chatml-bos"},
    {"8f20a609fbf151cb0d97f3457b1e8144", "qwen1.5"},
    {"cab756d526295d38eaf65ae20fc4715c", "qwen2"},
    {"bcdfd26e7b3de471a17ccd104397df11", "qwen2.5"},
    {"c0235edac1df6fe66b8fba1c747c0273", "qwen2.5-math"},
    {"635944df0babdbc7537deacd7be50816", "smollm2"},
    {"d15bf9731a8fce11d8f08a4dd6d29050", "phi4"},
    {"0d95d3d358ef304d5eeb0950cc27d3f6", "llama2"},
    {"87c08a19f304e3e003764484a1583abf", "llama3"},
    {"97c19fb71490cb07b6c9ffb31ae50f13", "llama3.1"},
    {"757cf1dea1a8a74530e2e600d929885f", "mistral-v0.1"},
    {"8d48e54175cee3429c7685c156d5b9fe", "mistral-v0.2"},
    {"df302f1aa76bf8366e538ea5f8bf3435", "mixtral-8x22b"},
    {"9b345e347cbe3b034d676111746a6d8d", "mistral-v1"},
    {"a2a191e5a1b2054cda4910891580fe98", "mistral-v3"},
    {"ed627abf1f4d5e4824dc58cba0e1bcdc", "mistral-large-2407"},
    {"5fd9516cd0012c4d39c3b0efc084ace8", "mistral-nemo"},
    {"31a6b88e3e73b5fd2c3a35b8a3252136", "mistral-v7"},
    {"0f7fc60cbdc06b10f3959dcf330f2f1c", "gemma"},
    {"7089b0baf1b13f8b6d2c772a99aa3f70", "gemma3"},
    {"3c3962a2bb2fbd7e3b445ae5636be3aa", "phi3"},
    {"c001009ab6ac8e0e620a0ac747526e18", "phi3.5"},
    {"01f259896382bcd531bb271ba05adc29", "phi3-small"},
    {"b4a64f8be62c08f5f162b029ea3f7d91", "phi3-mini-first"},
    {"2496d9f3fbc8fb4f4779145175ca9a22", "phi3-medium-first"},
    {"23f775a494cc9f9a5d452f5734da83f8", "zephyr"},
    {"1f251602e3a9377eb8147301033afa7d", "deepseek-v2"},
    {"a60eeb94de82d7670f25d70e08565706", "granite3"},
    {"39c7f956af3a242ce65a6bd82e48789d", "command-r"},
    {"e64c88a37829dad4f84efdf238bce342", "openchat"},
};

}  // namespace

std::string chat_template_hash(std::string_view template_text) {
  if (template_text.ends_with('\n')) template_text.remove_suffix(1);
  return hash_text(template_text);
}

const ChatForm* recognise_chat_template(std::string_view template_text) {
  const std::string hash = chat_template_hash(template_text);
  for (const KnownTemplate& known : kKnownTemplates) {
    if (known.hash == hash) return find_chat_form(known.form);
  }
  return nullptr;
}

}  // namespace ropewalk
