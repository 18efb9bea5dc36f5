// Mounts one live panel: the server places it, its script (static/<name>.js) fills it from /api/v1.
export default {
  template: '<div class="panel-body"></div>',
  props: { name: String, assets: String },
  async mounted() {
    const module = await import(`${this.assets}/${this.name}.js`);
    this.unmountPanel = module.mount(this.$el);
  },
  unmounted() {
    if (this.unmountPanel) this.unmountPanel();
  },
};
